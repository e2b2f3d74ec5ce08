"""The Pod's sandbox: its namespaces, network, shared tmpfs and cgroup. Made once, by the supervisor, for itself.

The supervisor lives inside the namespaces it makes: when it dies and its containers with it, the kernel takes network,
mounts and IPC away; only cgroups, the log files and the Pod's folder stay, which are found by name (``sweep``).
"""

from __future__ import annotations

import errno
import os

from nsorch.linux import cgroups, mounts, namespaces, netlink
from nsorch.linux.call import failure
from nsorch.supervisor import trees
from nsorch.supervisor.plan import Network, PodPlan
from nsorch.supervisor.spare import Ground

SHM = "shm"
"""Folder in the Pod's directory where its own /dev/shm is mounted."""
SHM_BYTES = 64 * 1024 * 1024
ETH0 = 2
"""Index of eth0 inside; lo is 1."""


class Sandbox:
    """``create()`` makes all or raises OSError with nothing left behind; ``remove()`` is always safe."""

    def __init__(self, plan: PodPlan, ground: Ground) -> None:
        self._plan = plan
        self._ground = ground
        self.group = cgroups.Group(plan.cgroup)
        self.host_mounts = ground.host_mounts
        self.pid_namespace = ground.pid_namespace

    def create(self) -> None:
        try:
            self._create()
        except BaseException:
            self.remove()
            raise

    def _create(self) -> None:
        plan, ground = self._plan, self._ground
        flags = namespaces.CLONE_NEWNS
        if not ground.isolated and not plan.network.host:
            flags |= namespaces.CLONE_NEWNET | namespaces.CLONE_NEWUTS
        if not ground.isolated and not plan.host_ipc:
            flags |= namespaces.CLONE_NEWIPC
        namespaces.unshare(flags)
        with ground.host:
            if not plan.network.host:
                make_network(plan.network, ground.host)
                namespaces.sethostname(plan.hostname)
        # Later mounts of the host reach us, ours never reach the host.
        mounts.set_propagation("/", mounts.MS_SLAVE)
        self._tmpfs()
        self._sysctls()

    def make_group(self) -> None:
        """The Pod's cgroup. Not part of ``create()``: on version 2 it would wait for the spawner's ``warmer``, so
        the first container's process does it when all its mounts are done. Making it again is fine."""
        limits = self._plan.limits
        self.group.create()
        self.group.limit(
            cpu_request_milli=limits.cpu_request_milli,
            cpu_limit_milli=limits.cpu_limit_milli,
            memory_limit_bytes=limits.memory_limit_bytes,
            pids_limit=limits.pids_limit,
        )

    def _tmpfs(self) -> None:
        flags = mounts.MS_NOSUID | mounts.MS_NODEV
        for tmpfs in self._plan.tmpfs:
            os.makedirs(tmpfs.path, exist_ok=True)
            data = f"mode={tmpfs.mode:o}" + (f",size={tmpfs.size_bytes}" if tmpfs.size_bytes is not None else "")
            mounts.mount("tmpfs", tmpfs.path, "tmpfs", flags, data)
        if not self._plan.host_ipc:
            shm = self.shm
            os.makedirs(shm, exist_ok=True)
            mounts.mount("shm", shm, "tmpfs", flags | mounts.MS_NOEXEC, f"mode=1777,size={SHM_BYTES}")

    @property
    def shm(self) -> str:
        """Host path of what containers see as /dev/shm."""
        return "/dev/shm" if self._plan.host_ipc else os.path.join(self._plan.dir, SHM)

    def _sysctls(self) -> None:
        for name, value in self._plan.network.sysctls:
            # /proc/sys shows net.* and kernel.{shm,msg,sem}* of the namespaces of whoever opens the file.
            path = "/proc/sys/" + (name if "/" in name else name.replace(".", "/"))
            try:
                cgroups.write(path, value)
            except OSError as error:
                raise failure(error.errno or errno.EIO, f"set sysctl {name}={value}") from error

    def remove(self) -> None:
        """Kill what is left, remove cgroups and the containers' layers; the kernel does the rest when we exit."""
        self.group.destroy(reap=True)
        for name in ("containers", SHM):
            path = os.path.join(self._plan.dir, name)
            if name == SHM:
                for tmpfs in (*[item.path for item in self._plan.tmpfs], path):
                    _unmount(tmpfs)
            trees.remove(path)


def _unmount(path: str) -> None:
    """Only mounts of our own namespace; a path that is none is fine."""
    try:
        mounts.umount2(path, mounts.MNT_DETACH)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOENT):
            raise


def make_network(network: Network, host: netlink.RouteSocket) -> None:
    """Routed veth: called inside the new namespace, with a netlink socket that is still in the host's.

    Both ends know each other's link address for ever, so no ARP happens and none can be spoofed."""
    inside = netlink.pod_mac(network.address)
    own = netlink.namespace_fd()
    try:
        veth = netlink.veth(
            network.host_interface,
            network.mtu,
            netlink.HOST_MAC,
            peer="eth0",
            peer_index=ETH0,
            peer_address=inside,
            peer_netns=own,
        )
        try:
            host.request([veth])
        except FileExistsError:
            # Left by a dead Pod of the same uid whose namespace the kernel has not yet taken down.
            host.request([netlink.delete_link(network.host_interface)])
            host.request([veth])
    finally:
        os.close(own)
    index = host.link_index(network.host_interface)
    with netlink.RouteSocket() as inner:
        inner.request(
            [
                netlink.link_up(1, "lo"),
                netlink.link_up(ETH0, "eth0"),
                netlink.add_address(ETH0, network.address),
                netlink.add_neighbour(ETH0, netlink.GATEWAY, netlink.HOST_MAC),
                netlink.add_route(ETH0, via=netlink.GATEWAY),
            ]
        )
    host.request(
        [
            netlink.check_sources(index, network.host_interface),
            netlink.add_neighbour(index, network.address, inside),
            netlink.add_route(index, network.address, source=network.node_address),
        ]
    )
