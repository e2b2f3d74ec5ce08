"""mount(2), umount2(2), pivot_root(2) and the newer calls that work on mounts by file descriptor."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterable, Sequence

from nsorch.linux.call import call, failure

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_NOATIME = 1024
MS_BIND = 4096
MS_MOVE = 8192
MS_REC = 16384
MS_UNBINDABLE = 1 << 17
MS_PRIVATE = 1 << 18
MS_SLAVE = 1 << 19
MS_SHARED = 1 << 20
MS_RELATIME = 1 << 21
MNT_DETACH = 2

AT_FDCWD = -100
AT_EMPTY_PATH = 0x1000
AT_RECURSIVE = 0x8000
OPEN_TREE_CLONE = 1
OPEN_TREE_CLOEXEC = os.O_CLOEXEC
MOVE_MOUNT_F_EMPTY_PATH = 4
MOVE_MOUNT_T_EMPTY_PATH = 0x40
MOUNT_ATTR_RDONLY = 1
FSOPEN_CLOEXEC = 1
FSCONFIG_SET_FLAG = 0
FSCONFIG_SET_STRING = 1
FSCONFIG_CMD_CREATE = 6
FSMOUNT_CLOEXEC = 1

PAGE = 4096


def mount(source: str | None, target: str, type: str | None = None, flags: int = 0, data: str | None = None) -> None:
    what = f"mount {type or source or 'flags'} on {target}" + (f" ({data})" if data and len(data) < 200 else "")
    call("mount", source, target, type, flags, data, tried=what)


def umount2(target: str, flags: int = 0) -> None:
    call("umount2", target, flags, tried=f"unmount {target}")


def pivot_root(new_root: str, put_old: str) -> None:
    call("pivot_root", new_root, put_old, tried=f"make {new_root} the root")


def bind(source: str, target: str, *, recursive: bool = True) -> None:
    call(
        "mount",
        source,
        target,
        None,
        MS_BIND | (MS_REC if recursive else 0),
        None,
        tried=f"bind {source} on {target}",
    )


def set_propagation(target: str, propagation: int, *, recursive: bool = True) -> None:
    call(
        "mount",
        None,
        target,
        None,
        propagation | (MS_REC if recursive else 0),
        None,
        tried=f"set the propagation of {target}",
    )


class _MountAttr(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("attr_set", "attr_clr", "propagation", "userns_fd")]


def mount_setattr(target: str, set: int, clear: int = 0, *, recursive: bool = False) -> None:
    """Linux 5.12."""
    attr = _MountAttr(attr_set=set, attr_clr=clear)
    call(
        "mount_setattr",
        AT_FDCWD,
        target,
        AT_RECURSIVE if recursive else 0,
        ctypes.byref(attr),
        ctypes.sizeof(attr),
        tried=f"change the mount {target}",
    )


def mount_setattr_fd(fd: int, set: int, *, propagation: int = 0, recursive: bool = False) -> None:
    """The same for a detached mount of ``open_tree``."""
    attr = _MountAttr(attr_set=set, propagation=propagation)
    flags = AT_EMPTY_PATH | (AT_RECURSIVE if recursive else 0)
    call(
        "mount_setattr",
        fd,
        "",
        flags,
        ctypes.byref(attr),
        ctypes.sizeof(attr),
        tried="change a mount before it is attached",
    )


def make_read_only(target: str, *, recursive: bool) -> None:
    """A mount (and, where the kernel can, everything below it) becomes read-only; its other flags stay."""
    try:
        mount_setattr(target, MOUNT_ATTR_RDONLY, recursive=recursive)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EPERM):
            raise
        # Before Linux 5.12 one remount per mount, which must repeat the flags that are locked.
        flags = _flags(target)
        mount(None, target, None, MS_REMOUNT | MS_BIND | MS_RDONLY | flags)


def _flags(target: str) -> int:
    known = (MS_NOSUID, MS_NODEV, MS_NOEXEC)  # ST_* of statvfs(3) have the values of MS_*
    found = os.statvfs(target).f_flag
    return sum(flag for flag in known if found & flag)


def open_tree(path: str, *, recursive: bool) -> int:
    """A detached copy of the mount at ``path`` as a file descriptor (Linux 5.2)."""
    flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (AT_RECURSIVE if recursive else 0)
    return call("open_tree", AT_FDCWD, path, flags, tried=f"take a copy of the mount {path}")


def move_mount(fd: int, target: str | int) -> None:
    """Attach the mount ``fd`` of ``open_tree`` or ``fsmount`` at ``target``, a path or an O_PATH descriptor."""
    at, path, flags = (AT_FDCWD, target, 0) if isinstance(target, str) else (target, "", MOVE_MOUNT_T_EMPTY_PATH)
    call(
        "move_mount", fd, "", at, path, MOVE_MOUNT_F_EMPTY_PATH | flags, tried=f"attach a mount on {path or 'a folder'}"
    )


def overlay(target: str, lower: Sequence[str], upper: str, work: str) -> None:
    """Mount an overlay whose writable layer need not survive a crash of the host (``volatile``: fsync costs nothing).

    mount(2) passes its options in one page; with more layers than fit, each is passed alone (Linux 6.7), else they
    are named relative to the folder that they share."""
    try:
        _overlay(target, lower, upper, work, volatile=True)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        _overlay(target, lower, upper, work, volatile=False)  # before Linux 5.10


def _overlay(target: str, lower: Sequence[str], upper: str, work: str, *, volatile: bool) -> None:
    tail = f",upperdir={_escape(upper)},workdir={_escape(work)}" + (",volatile" if volatile else "")
    data = "lowerdir=" + ":".join(_escape(path) for path in lower) + tail
    if len(os.fsencode(data)) < PAGE:
        mount("overlay", target, "overlay", 0, data)
        return
    options = [("lowerdir+", path) for path in lower] + [("upperdir", upper), ("workdir", work)]
    try:
        fd = _fsmount("overlay", options, ["volatile"] if volatile else [])
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS):
            raise
    else:
        try:
            move_mount(fd, target)
        finally:
            os.close(fd)
        return
    shared = os.path.commonpath(lower)
    data = "lowerdir=" + ":".join(_escape(os.path.relpath(path, shared)) for path in lower) + tail
    if len(os.fsencode(data)) >= PAGE:
        raise failure(errno.E2BIG, f"mount an overlay of {len(lower)} layers on {target}")
    back = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.chdir(shared)
        mount("overlay", target, "overlay", 0, data)
    finally:
        os.fchdir(back)
        os.close(back)


def _fsmount(type: str, options: Iterable[tuple[str, str]], flags: Iterable[str]) -> int:
    context = call("fsopen", type, FSOPEN_CLOEXEC, tried=f"open the filesystem {type}")
    try:
        for key, value in options:
            call("fsconfig", context, FSCONFIG_SET_STRING, key, value, 0, tried=f"set {key}={value} of {type}")
        for key in flags:
            call("fsconfig", context, FSCONFIG_SET_FLAG, key, None, 0, tried=f"set {key} of {type}")
        call("fsconfig", context, FSCONFIG_CMD_CREATE, None, None, 0, tried=f"create the filesystem {type}")
        return call("fsmount", context, FSMOUNT_CLOEXEC, 0, tried=f"mount the filesystem {type}")
    finally:
        os.close(context)


def _escape(path: str) -> str:
    """Commas, colons and backslashes separate things in overlay's options."""
    return path.replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,")
