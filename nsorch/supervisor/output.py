"""A running container's standard streams: what it writes goes to its log and to whoever is attached.

The container is never made to wait for a reader: an attached reader that does not keep up for a mebibyte is let go.
"""

from __future__ import annotations

import fcntl
import os

from nsorch.supervisor.launch import Stdio
from nsorch.supervisor.logs import LogFile, Splitter
from nsorch.supervisor.loop import Loop

CHUNK = 64 * 1024
ATTACH_BUFFER = 1024 * 1024
F_SETPIPE_SZ = 1031


class Stream:
    """One readable end: stdout, stderr, or a terminal's master (which carries both)."""

    def __init__(self, name: str, fd: int) -> None:
        self.name = name
        self.fd = fd
        self.splitter = Splitter()
        self.readers: list[int] = []


class Output:
    """The streams of one run. ``stdio`` is what the child gets; close it with ``child_has_them()`` after the clone."""

    def __init__(self, loop: Loop, log: LogFile, *, stdin: bool, tty: bool) -> None:
        self._loop = loop
        self._log = log
        self._streams: list[Stream] = []
        self.stdin = -1
        """Our end of the container's standard input (the terminal's master with a tty); -1 when closed or none."""
        self.terminal = -1
        if tty:
            self.stdio = Stdio(fds=None)
            return
        inner, self.stdin = os.pipe() if stdin else (os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), -1)
        ends = [inner]
        for name in ("stdout", "stderr"):
            reader, writer = os.pipe()
            self._add(name, reader)
            ends.append(writer)
        self.stdio = Stdio(fds=(ends[0], ends[1], ends[2]))

    def _add(self, name: str, fd: int) -> None:
        os.set_blocking(fd, False)
        stream = Stream(name, fd)
        self._streams.append(stream)
        self._loop.read(fd, lambda: self._readable(stream))

    def child_has_them(self) -> None:
        if self.stdio.fds is not None:
            for fd in self.stdio.fds:
                os.close(fd)
        self.stdio = Stdio(fds=None)

    def use_terminal(self, master: int, *, stdin: bool) -> None:
        """The child has made its terminal."""
        self.terminal = master
        self._add("stdout", master)
        if stdin:
            self.stdin = os.dup(master)

    def _readable(self, stream: Stream) -> None:
        self._pump(stream)

    def _pump(self, stream: Stream) -> bool:
        """Read once; False when there is nothing (more) to read."""
        try:
            data = os.read(stream.fd, CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            data = b""  # EIO: the last one who had the terminal open is gone
        if not data:
            self._end(stream)
            return False
        self._log.lines(stream.name, stream.splitter.feed(data))
        for reader in stream.readers[:]:
            try:
                complete = os.write(reader, data) == len(data)
            except OSError:
                complete = False
            if not complete:
                stream.readers.remove(reader)
                os.close(reader)
        return True

    def _end(self, stream: Stream) -> None:
        if stream not in self._streams:
            return
        self._streams.remove(stream)
        self._log.lines(stream.name, stream.splitter.end())
        self._loop.forget(stream.fd)
        os.close(stream.fd)
        for reader in stream.readers:
            os.close(reader)
        if stream.fd == self.terminal:
            self.terminal = -1

    def attach(self, *, stdin: bool) -> tuple[list[str], list[int]]:
        """Names and descriptors for a new reader, who owns (and must be sent, then we close) the descriptors.

        ``stdin`` (when open) to write to, ``stdout`` and (without a terminal) ``stderr`` to read from."""
        names: list[str] = []
        fds: list[int] = []
        if stdin and self.stdin >= 0:
            names.append("stdin")
            fds.append(os.dup(self.stdin))
        for stream in self._streams:
            reader, writer = os.pipe()
            os.set_blocking(writer, False)
            try:
                fcntl.fcntl(writer, F_SETPIPE_SZ, ATTACH_BUFFER)
            except OSError:
                pass  # over the user's pipe quota: the usual 64 KiB then
            stream.readers.append(writer)
            names.append(stream.name)
            fds.append(reader)
        return names, fds

    def close_stdin(self) -> None:
        """The container sees the end of its input once every attached writer has closed too."""
        if self.stdin >= 0:
            os.close(self.stdin)
            self.stdin = -1

    def finish(self) -> None:
        """The container has ended: take what is still in the pipes, then close all."""
        self.child_has_them()
        self.close_stdin()
        for stream in self._streams[:]:
            while self._pump(stream):
                pass
            self._end(stream)
        self._log.close()
