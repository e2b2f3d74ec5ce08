"""Pseudo-terminals."""

from __future__ import annotations

import fcntl
import struct
import termios


def set_size(fd: int, rows: int, cols: int) -> None:
    """TIOCSWINSZ: the foreground process group gets SIGWINCH."""
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
