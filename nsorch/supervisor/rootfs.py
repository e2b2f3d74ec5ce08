"""What a container sees as its files. Runs in the child, in its own mount namespace, before the program.

The overlay is mounted here, so that all of it is gone when the container's last process is. Everything is built below
``root`` on the host's paths, then pivot_root(2) makes it ``/``.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import replace

from nsorch.linux import beneath, call, cgroups, mounts, namespaces
from nsorch.linux.mounts import MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_PRIVATE, MS_RDONLY, MS_REMOUNT
from nsorch.supervisor.plan import ContainerPlan, Mount

_SAFE = MS_NOSUID | MS_NODEV | MS_NOEXEC
_DEVICES = (("null", 3), ("zero", 5), ("full", 7), ("random", 8), ("urandom", 9))
_MEMORY_MAJOR = 1
_LINKS = (
    ("/proc/self/fd", "fd"),
    ("/proc/self/fd/0", "stdin"),
    ("/proc/self/fd/1", "stdout"),
    ("/proc/self/fd/2", "stderr"),
    ("/proc/kcore", "core"),
    ("pts/ptmx", "ptmx"),
)


class MountFailure(Exception):
    """The container cannot be created as planned (a source is missing...): CreateContainerError, tried again."""


def build(plan: ContainerPlan, run: str, *, shm: str, host_mounts: int) -> str:
    """Mount everything; the folder that shall become the root. ``run`` is this run's own folder."""
    root = _overlay(plan, run) if plan.root == "overlay" else _host_root(run)
    inside = _Inside(root)
    mounts.mount("proc", inside.folder("/proc"), "proc", _SAFE)
    mounts.mount("sysfs", inside.folder("/sys"), "sysfs", _SAFE | (0 if plan.security.privileged else MS_RDONLY))
    _dev(inside, plan, shm)
    for mount in sorted(plan.mounts, key=lambda item: item.target.count("/")):
        _mount(inside, mount, host_mounts)
    return root


def _overlay(plan: ContainerPlan, run: str) -> str:
    upper, work, root = f"{run}/upper", f"{run}/work", f"{run}/root"
    for path in (upper, work, root):
        os.mkdir(path, 0o755)
    if not plan.lower:
        raise MountFailure(f"container {plan.name} has no image layers")
    try:
        mounts.overlay(root, plan.lower, upper, work)
    except FileNotFoundError as error:
        missing = [path for path in plan.lower if not os.path.isdir(path)]
        if not missing:
            raise
        raise MountFailure(f"cannot mount the image of container {plan.name}: no layer {missing[0]}") from error
    return root


def _host_root(run: str) -> str:
    """The host's own files, all read-only: for system Pods that need the host's interpreter."""
    root = f"{run}/root"
    os.mkdir(root, 0o755)
    mounts.bind("/", root, recursive=True)
    mounts.set_propagation(root, mounts.MS_PRIVATE)
    mounts.make_read_only(root, recursive=True)
    return root


class _Inside:
    """Paths below the new root, where a symbolic link of the image must never lead out to the host."""

    def __init__(self, root: str) -> None:
        self.root = root

    def resolve(self, path: str, depth: int = 40) -> str:
        """The host path of ``path`` as the container would see it, following links within the root only."""
        done: list[str] = []
        parts = [part for part in path.split("/") if part and part != "."][::-1]
        while parts:
            part = parts.pop()
            if part == "..":
                done = done[:-1]
                continue
            try:
                link = os.readlink("/".join([self.root, *done, part]))
            except OSError:
                done.append(part)
                continue
            depth -= 1
            if depth < 0:
                raise MountFailure(f"cannot follow {path}: too many symbolic links")
            if link.startswith("/"):
                done = []
            parts.extend([step for step in link.split("/") if step and step != "."][::-1])
        return "/".join([self.root, *done])

    def folder(self, path: str) -> str:
        """The host path of folder ``path``, made if missing."""
        found = self.resolve(path)
        if not os.path.isdir(found):
            os.makedirs(found, 0o755, exist_ok=True)
        return found

    def file(self, path: str) -> str:
        """The host path of ``path``, an empty file if missing."""
        found = self.resolve(path)
        if not os.path.lexists(found):
            os.makedirs(os.path.dirname(found), 0o755, exist_ok=True)
            os.close(os.open(found, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
        return found


def show_cgroup(root: str, plan: ContainerPlan, group: cgroups.Group) -> None:
    """/sys/fs/cgroup: what this container may know of its cgroup."""
    mode = 0 if plan.security.privileged else MS_RDONLY
    cgroup = _Inside(root).resolve("/sys/fs/cgroup")
    where = cgroups.layout()
    if where.unified:
        mounts.bind(group.path(), cgroup, recursive=False)
        if mode:
            mounts.make_read_only(cgroup, recursive=False)
        return
    mounts.mount("tmpfs", cgroup, "tmpfs", _SAFE, "mode=755,size=64k")
    for controller, folder in where.roots.items():
        name = os.path.basename(folder)
        view = f"{cgroup}/{name}"
        if name == controller or not os.path.lexists(view):
            os.makedirs(view, 0o755, exist_ok=True)
            mounts.bind(f"{folder}/{group.name}", view, recursive=False)
        if name != controller and not os.path.lexists(f"{cgroup}/{controller}"):
            os.symlink(name, f"{cgroup}/{controller}")
    if mode:
        mounts.make_read_only(cgroup, recursive=True)


def _dev(inside: _Inside, plan: ContainerPlan, shm: str) -> None:
    target = inside.folder("/dev")
    mounts.mount("tmpfs", target, "tmpfs", MS_NOSUID, "mode=755,size=64k")
    mask = os.umask(0)
    try:
        for name, minor in _DEVICES:
            os.mknod(f"{target}/{name}", stat.S_IFCHR | 0o666, os.makedev(_MEMORY_MAJOR, minor))
        os.mknod(f"{target}/tty", stat.S_IFCHR | 0o666, os.makedev(5, 0))
        for name in ("pts", "mqueue", "shm"):
            os.mkdir(f"{target}/{name}", 0o755)
    finally:
        os.umask(mask)
    for source, name in _LINKS:
        os.symlink(source, f"{target}/{name}")
    mounts.mount(
        "devpts", f"{target}/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5"
    )
    mounts.mount("mqueue", f"{target}/mqueue", "mqueue", _SAFE)
    if not any(mount.target.rstrip("/") == "/dev/shm" for mount in plan.mounts):
        mounts.bind(shm, f"{target}/shm", recursive=False)
    if plan.security.privileged:
        _host_devices(target)


def _host_devices(target: str) -> None:
    """A privileged container finds the host's devices beside its own."""
    with os.scandir("/dev") as entries:
        for entry in entries:
            info = entry.stat(follow_symlinks=False)
            path = f"{target}/{entry.name}"
            if (stat.S_ISCHR(info.st_mode) or stat.S_ISBLK(info.st_mode)) and not os.path.lexists(path):
                os.mknod(path, info.st_mode, info.st_rdev)
                os.chown(path, info.st_uid, info.st_gid)
    for name in ("net", "mapper", "dri", "snd"):
        if os.path.isdir(f"/dev/{name}"):
            os.makedirs(f"{target}/{name}", exist_ok=True)
            mounts.bind(f"/dev/{name}", f"{target}/{name}")


def _mount(inside: _Inside, mount: Mount, host_mounts: int) -> None:
    if mount.type == "tmpfs":
        flags = MS_NOSUID | MS_NODEV | (MS_RDONLY if mount.read_only else 0)
        mounts.mount("tmpfs", inside.folder(mount.target), "tmpfs", flags, mount.options or None)
        return
    if mount.beneath:
        fd = _open_beneath(mount)
        try:
            _mount(inside, replace(mount, source=f"/proc/self/fd/{fd}", beneath=""), host_mounts)
        finally:
            os.close(fd)
        return
    try:
        is_folder = stat.S_ISDIR(os.stat(mount.source).st_mode)
    except OSError as error:
        raise MountFailure(f"cannot mount {mount.source} on {mount.target}: {error.strerror}") from error
    if mount.propagation == "rshared":
        source = _shared_tree(mount.source, host_mounts)
    else:
        source = mounts.open_tree(mount.source, recursive=mount.recursive)
    try:
        # What we take is a slave of the host's mounts; ``rslave`` keeps that, ``private`` ends it.
        private = MS_PRIVATE if mount.propagation == "private" else 0
        read_only = mounts.MOUNT_ATTR_RDONLY if mount.read_only else 0
        if private or read_only:
            mounts.mount_setattr_fd(source, read_only, propagation=private, recursive=mount.recursive)
        _attach(source, inside, mount.target, is_folder)
    finally:
        os.close(source)


def _attach(source: int, inside: _Inside, path: str, is_folder: bool) -> None:
    """Attach a mount at ``path``, which may lie in a volume where another container of the Pod changes links while we
    look: the place is found, and made, without ever leaving the new root."""
    relative = os.path.relpath(inside.resolve(path), inside.root)
    try:
        target = beneath.open_beneath(inside.root, relative)
    except FileNotFoundError:
        if is_folder:
            beneath.make_beneath(inside.root, relative, 0o755)
        else:
            beneath.make_file_beneath(inside.root, relative)
        target = beneath.open_beneath(inside.root, relative)
    try:
        mounts.move_mount(source, target)
    finally:
        os.close(target)


def _open_beneath(mount: Mount) -> int:
    """The source of a subPath: containers can write above it, so no symbolic link may lead out of its volume."""
    relative = os.path.relpath(mount.source, mount.beneath)
    try:
        try:
            return beneath.open_beneath(mount.beneath, relative)
        except FileNotFoundError:
            beneath.make_beneath(mount.beneath, relative)
            return beneath.open_beneath(mount.beneath, relative)
    except OSError as error:
        raise MountFailure(f"cannot mount {mount.source} on {mount.target}: {call.text(error)}") from error


def _shared_tree(source: str, host_mounts: int) -> int:
    """A mount in the same peer group as the host's: take the copy inside the host's mount namespace."""
    with open("/proc/self/ns/mnt", "rb") as own:
        namespaces.setns(host_mounts, namespaces.CLONE_NEWNS)
        try:
            return mounts.open_tree(source, recursive=True)
        finally:
            namespaces.setns(own.fileno(), namespaces.CLONE_NEWNS)


def enter(root: str, plan: ContainerPlan) -> None:
    """Make ``root`` our ``/`` and hide or protect what the plan says."""
    os.chdir(root)
    # With new and old root the same folder, the old one is stacked on top and detached from there.
    mounts.pivot_root(".", ".")
    mounts.umount2(".", mounts.MNT_DETACH)
    os.chdir("/")
    for path in plan.security.read_only_paths:
        _protect(path)
    for path in plan.security.masked_paths:
        _mask(path)
    if plan.security.read_only_root and plan.root == "overlay":
        mounts.mount(None, "/", None, MS_REMOUNT | MS_BIND | MS_RDONLY)


def _protect(path: str) -> None:
    try:
        mounts.bind(path, path)
    except FileNotFoundError:
        return
    mounts.make_read_only(path, recursive=False)


def _mask(path: str) -> None:
    """A file looks empty, a folder too."""
    try:
        mounts.bind("/dev/null", path, recursive=False)
    except FileNotFoundError:
        return
    except NotADirectoryError:
        mounts.mount("tmpfs", path, "tmpfs", MS_RDONLY, "size=0k")
    except OSError as error:
        if error.errno != errno.EISDIR:
            raise
        mounts.mount("tmpfs", path, "tmpfs", MS_RDONLY, "size=0k")


def console(terminal: str) -> None:
    """/dev/console is the container's terminal."""
    os.close(os.open("/dev/console", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    mounts.bind(terminal, "/dev/console", recursive=False)
