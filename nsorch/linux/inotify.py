"""inotify(7): the kernel tells when files change."""

from __future__ import annotations

import ctypes
import os

from nsorch.linux.call import failure, libc

IN_MODIFY = 0x2
IN_MOVED_FROM = 0x40
IN_MOVED_TO = 0x80
IN_CREATE = 0x100
IN_DELETE_SELF = 0x400


def inotify(path: str, mask: int) -> int:
    """A non-blocking, close-on-exec descriptor that becomes readable when ``path`` sees an event of ``mask``."""
    fd = int(libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
    if fd < 0:
        raise failure(ctypes.get_errno(), "make an inotify instance (limit: fs.inotify.max_user_instances)")
    if int(libc.inotify_add_watch(fd, os.fsencode(path), mask)) < 0:
        number = ctypes.get_errno()
        os.close(fd)
        raise failure(number, f"watch {path}")
    return fd


def drain(fd: int) -> None:
    """Forget the events that are there."""
    try:
        while os.read(fd, 64 * 1024):
            pass
    except BlockingIOError:
        pass
