"""cgroups(7): one group per Pod and below it one per container, on version 2 or on version 1's hierarchies.

A ``Group`` is a name such as ``nsorch/pod-UID/web`` relative to each hierarchy's root. Version 1 (also "hybrid"): the
same name in every hierarchy we use. Nothing is remembered: a group is found from its name alone.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass

from nsorch.linux import device_filter
from nsorch.linux.call import failure

ROOT = "/sys/fs/cgroup"
WANTED = ("cpu", "cpuacct", "memory", "pids", "devices")
PERIOD_US = 100_000


@dataclass(frozen=True, slots=True)
class Layout:
    """What this host offers: ``unified`` is version 2; ``roots`` maps a controller to its hierarchy's folder."""

    unified: bool
    roots: dict[str, str]

    @property
    def folders(self) -> tuple[str, ...]:
        """Each hierarchy once (cpu and cpuacct may be mounted together)."""
        return tuple(dict.fromkeys(self.roots.values()))

    @property
    def filters_devices(self) -> bool:
        """Whether ``Group.allow_devices`` can do anything."""
        return self.unified or "devices" in self.roots


_layout: Layout | None = None


def layout() -> Layout:
    """Read once from /proc/self/mountinfo."""
    global _layout
    if _layout is None:
        with open("/proc/self/mountinfo") as file:
            _layout = parse_layout(file.read())
    return _layout


def parse_layout(mountinfo: str) -> Layout:
    roots: dict[str, str] = {}
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields, tail = before.split(), after.split()
        if not tail or len(fields) < 5:
            continue
        if tail[0] == "cgroup2" and fields[4] == ROOT:
            return Layout(True, {"": ROOT})
        if tail[0] == "cgroup":
            for option in tail[-1].split(","):
                if option in WANTED:
                    roots.setdefault(option, fields[4])
    return Layout(False, roots)


@dataclass(frozen=True, slots=True)
class Group:
    """One cgroup, by name."""

    name: str

    def child(self, name: str) -> Group:
        return Group(f"{self.name}/{name}")

    def path(self, controller: str = "") -> str:
        """Its folder in the hierarchy of ``controller``; "" where that is not mounted."""
        where = layout()
        root = where.roots.get("" if where.unified else controller, "")
        return f"{root}/{self.name}" if root else ""

    def paths(self) -> list[str]:
        return [f"{folder}/{self.name}" for folder in layout().folders]

    def create(self) -> None:
        """Make the group (parents too); one that exists is fine."""
        where = layout()
        for folder in where.folders:
            path = f"{folder}/{self.name}"
            try:
                os.mkdir(path, 0o755)
            except FileExistsError:
                pass
            except FileNotFoundError:
                if where.unified:
                    self._create_unified(folder)
                else:
                    os.makedirs(path, 0o755, exist_ok=True)
        if where.unified:
            _enable(os.path.dirname(self.path()))

    def _create_unified(self, folder: str) -> None:
        path = folder
        for part in self.name.split("/"):
            _enable(path)
            path = f"{path}/{part}"
            os.makedirs(path, 0o755, exist_ok=True)

    def attach(self, pid: int = 0) -> None:
        """Move process ``pid`` (0: ourselves, who have one thread only) into the group, in every hierarchy.

        Version 1 lets a thread move itself without the lock that all forks share: moving a process takes it, and after a
        quiet second that waits 5 to 10 ms for an RCU grace period."""
        name = "cgroup.procs" if pid or layout().unified else "tasks"
        for path in self.paths():
            write(f"{path}/{name}", str(pid))

    def limit(
        self,
        *,
        cpu_request_milli: int | None = None,
        cpu_limit_milli: int | None = None,
        memory_limit_bytes: int | None = None,
        pids_limit: int | None = None,
    ) -> None:
        """Set limits; None leaves what is there. CPU shares and weights as the kubelet computes them."""
        unified = layout().unified
        if cpu_request_milli is not None:
            shares = min(max(2, cpu_request_milli * 1024 // 1000), 262_144)
            if unified:
                self.put("cpu", "cpu.weight", str(1 + (shares - 2) * 9999 // 262_142))
            else:
                self.put("cpu", "cpu.shares", str(shares))
        if cpu_limit_milli is not None:
            quota = max(1000, cpu_limit_milli * PERIOD_US // 1000)
            if unified:
                self.put("cpu", "cpu.max", f"{quota} {PERIOD_US}")
            else:
                self.put("cpu", "cpu.cfs_quota_us", str(quota))
        if memory_limit_bytes is not None:
            name = "memory.max" if unified else "memory.limit_in_bytes"
            self.put("memory", name, str(memory_limit_bytes))
        if pids_limit is not None:
            self.put("pids", "pids.max", str(pids_limit) if pids_limit > 0 else "max")

    def allow_devices(self, *, everything: bool) -> None:
        """Which device files the group may open: everything, or what runc allows (null, zero, full, random, urandom,
        tty, ptmx and pseudo-terminals; any may be made with mknod)."""
        if layout().unified:
            device_filter.attach(self.path(), everything=everything)
            return
        path = self.path("devices")
        if not path:
            return
        if everything:
            write(f"{path}/devices.allow", "a")
            return
        write(f"{path}/devices.deny", "a")
        for rule in device_filter.DEFAULT:
            write(f"{path}/devices.allow", device_filter.line(rule))

    def put(self, controller: str, name: str, value: str) -> None:
        """Write one control file; OSError says which value was refused, ENOENT when the controller is missing."""
        path = self.path(controller)
        if not path:
            raise failure(errno.ENOENT, f"set {name}: the {controller} controller is not mounted")
        write(f"{path}/{name}", value)

    def processes(self) -> set[int]:
        """Pids of this group and all below it."""
        found: set[int] = set()
        for path in self.paths():
            for folder in _walk(path):
                found.update(_pids(folder))
        return found

    def kill(self) -> int:
        """SIGKILL everything in the group and below it; how many signals were sent."""
        if layout().unified:
            try:
                write(f"{self.path()}/cgroup.kill", "1")
            except FileNotFoundError:
                pass
            else:
                return len(self.processes())
        pids = self.processes()
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return len(pids)

    def oom_kills(self) -> int:
        """How many processes of this group the kernel has killed for memory."""
        path = self.path("memory")
        name = "memory.events" if layout().unified else "memory.oom_control"
        try:
            with open(f"{path}/{name}") as file:
                for line in file:
                    key, _, value = line.partition(" ")
                    if key == "oom_kill":
                        return int(value)
        except OSError:
            pass  # the group is gone or the controller is not mounted: nobody was killed by it
        return 0

    def remove(self) -> bool:
        """rmdir the group and all below it, in every hierarchy; False while processes keep one busy."""
        clean = True
        for path in self.paths():
            for folder in reversed(list(_walk(path))):
                try:
                    os.rmdir(folder)
                except FileNotFoundError:
                    pass
                except OSError as error:
                    if error.errno != errno.EBUSY:
                        raise
                    clean = False
        return clean

    def destroy(self, timeout: float = 5.0, *, reap: bool = False) -> bool:
        """Kill and remove; blocks until the dying are gone, at most ``timeout`` seconds. ``reap`` also collects our
        own ended children, whichever: only for a process that has no other use for their exit codes."""
        deadline = time.monotonic() + timeout
        pause = 0.0005
        while True:
            self.kill()
            if reap:
                _reap()
            if self.remove():
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(pause)
            pause = min(pause * 2, 0.05)


def children(name: str) -> set[str]:
    """Names of the groups directly below ``name``, in any hierarchy."""
    found: set[str] = set()
    for folder in layout().folders:
        try:
            with os.scandir(f"{folder}/{name}") as entries:
                found.update(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        except FileNotFoundError:
            pass
    return found


def warm() -> None:
    """Version 2: make the next attach quick. The first one after an idle second waits 5 to 10 ms for an RCU grace period,
    so do a harmless one (ourselves, to where we are) ahead of time. Version 1 needs none: see ``attach``."""
    if not layout().unified:
        return
    with open("/proc/self/cgroup") as file:
        for line in file:
            _, names, path = line.rstrip("\n").split(":", 2)
            if not names:
                try:
                    write(f"{ROOT}{path}/cgroup.procs", "0")
                except OSError:
                    pass  # only time is lost (no such path: we may live in a cgroup namespace)
                return


def write(path: str, value: str) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, value.encode())
        finally:
            os.close(fd)
    except OSError as error:
        raise failure(error.errno or errno.EIO, f"write {value!r} to {path}") from error


def _enable(path: str) -> None:
    """Give the children of ``path`` (version 2) the controllers that are there."""
    try:
        with open(f"{path}/cgroup.controllers") as file:
            available = [name for name in file.read().split() if name in WANTED]
        with open(f"{path}/cgroup.subtree_control") as file:
            enabled = file.read().split()
    except OSError:
        return
    for name in available:
        if name not in enabled:
            try:
                write(f"{path}/cgroup.subtree_control", f"+{name}")
            except OSError as error:
                if error.errno not in (errno.EBUSY, errno.EOPNOTSUPP, errno.ENOENT):
                    raise


def _reap() -> None:
    """A zombie of ours keeps its cgroup busy while we wait here: collect what has ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _walk(path: str) -> Iterator[str]:
    """``path`` and every folder below it, parents first; nothing if it is gone."""
    try:
        with os.scandir(path) as entries:
            below = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return
    yield path
    for folder in below:
        yield from _walk(folder)


def _pids(folder: str) -> list[int]:
    try:
        with open(f"{folder}/cgroup.procs") as file:
            return [int(pid) for pid in file.read().split() if pid != "0"]  # 0: not in our PID namespace
    except OSError:
        return []
