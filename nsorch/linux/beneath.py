"""Paths below a folder in which others may have put symbolic links: opened without ever leaving it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat

from nsorch.linux.call import call

RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_IN_ROOT = 0x10


class _OpenHow(ctypes.Structure):
    _fields_ = [("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64)]


def open_beneath(base: str, relative: str) -> int:
    """An O_PATH descriptor of ``base/relative``, resolved as if ``base`` were ``/`` (openat2(2), Linux 5.6)."""
    folder = os.open(base, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        how = _OpenHow(os.O_PATH | os.O_CLOEXEC, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
        pointer, size = ctypes.addressof(how), ctypes.sizeof(how)
        return call("openat2", folder, relative, pointer, size, tried=f"open {relative} below {base}")
    finally:
        os.close(folder)


def make_file_beneath(base: str, relative: str) -> None:
    """An empty file ``base/relative``, its folders made like ``make_beneath`` does; one that is there stays."""
    folder, _, name = relative.rpartition("/")
    if folder:
        make_beneath(base, folder, 0o755)
    parent = open_beneath(base, folder or ".")
    try:
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        with contextlib.suppress(FileExistsError):
            os.close(os.open(name, flags, 0o644, dir_fd=parent))
    finally:
        os.close(parent)


def make_beneath(base: str, relative: str, mode: int | None = None) -> None:
    """mkdir -p ``base/relative`` one component at a time with O_NOFOLLOW, with ``mode`` or else the permissions of ``base``.

    Stops at anything that is no folder: what that is, is for ``open_beneath`` to find out.
    """
    at = os.open(base, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    mode = stat.S_IMODE(os.fstat(at).st_mode) if mode is None else mode
    try:
        for part in relative.split("/"):
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, mode, dir_fd=at)
                os.chmod(part, mode, dir_fd=at)  # whatever the umask says
            try:
                deeper = os.open(part, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
            except OSError:
                return
            os.close(at)
            at = deeper
    finally:
        os.close(at)
