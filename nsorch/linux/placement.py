"""Where a filesystem puts new files: the "top of hierarchies" flag of a folder (chattr(1) +T, ioctl_iflags(2))."""

from __future__ import annotations

import fcntl
import os
import struct

_FS_IOC_GETFLAGS, _FS_IOC_SETFLAGS = 0x80086601, 0x40086602  # linux/fs.h, 64-bit
_FS_TOPDIR_FL = 0x00020000


def spread_subfolders(path: str | os.PathLike[str]) -> bool:
    """Tell ext4 that the subfolders of ``path`` have nothing to do with each other: each may start in a block group of
    its own, instead of all crowding into that of ``path``. False where the filesystem knows no such thing.

    Without a journal, ext4 gives out no inode again within a minute of its removal and looks at all of those first:
    where much comes and goes, a new file in a crowded group takes 0.3 to 0.5 ms, in another 0.01 ms."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        (flags,) = struct.unpack("i", fcntl.ioctl(fd, _FS_IOC_GETFLAGS, struct.pack("i", 0)))
        if not flags & _FS_TOPDIR_FL:
            fcntl.ioctl(fd, _FS_IOC_SETFLAGS, struct.pack("i", flags | _FS_TOPDIR_FL))
    except OSError:  # ENOTTY, EOPNOTSUPP: another filesystem; EPERM: a file system that is not ours to tune
        return False
    finally:
        os.close(fd)
    return True
