"""Container output to log files, in the format of CRI (Kubernetes' Container Runtime Interface):

``2026-01-02T03:04:05.123456789Z stdout F the line``; a line longer than 16 KiB is cut into parts tagged ``P``, the last
one ``F``. The file is ``LOG_DIR/N.log``; at ``max_bytes`` it is renamed to ``N.log.YYYYMMDD-HHMMSS`` (as the kubelet does)
and a new one begun; of those at most ``max_files - 1`` are kept.
"""

from __future__ import annotations

import os
import time

PART = 16 * 1024


class LogFile:
    """The log of one run of one container. Never raises: with the disk full, output is dropped and counted, and a
    line in the log tells how much once there is room again."""

    def __init__(self, folder: str, number: int, *, max_bytes: int, max_files: int) -> None:
        self._folder, self._name = folder, f"{number}.log"
        self._max_bytes, self._max_files = max_bytes, max(1, max_files)
        self._fd = -1
        self._size = 0
        self._dropped = 0
        self._stamps: tuple[int, str] = (-1, "")

    @property
    def path(self) -> str:
        return os.path.join(self._folder, self._name) if self._folder else ""

    def lines(self, stream: str, parts: list[tuple[bytes, bool]], now_ns: int | None = None) -> None:
        """Append ``parts``: (text without newline, is it the end of its line)."""
        if not parts or not self._folder:
            return
        stamp = self._stamp(time.time_ns() if now_ns is None else now_ns)
        full, partial = f"{stamp} {stream} F ".encode(), f"{stamp} {stream} P ".encode()
        self._write(b"".join([(full if end else partial) + text + b"\n" for text, end in parts]), stamp)

    def _stamp(self, now_ns: int) -> str:
        second, rest = divmod(now_ns, 1_000_000_000)
        if second != self._stamps[0]:
            self._stamps = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._stamps[1]}.{rest:09d}Z"

    def _write(self, data: bytes, stamp: str) -> None:
        try:
            if self._fd < 0:
                self._open()
            if self._size and self._size + len(data) > self._max_bytes:
                self._rotate()
            if self._dropped:
                data = f"{stamp} stderr F [{self._dropped} bytes of output lost: disk full]\n".encode() + data
            written = os.write(self._fd, data)
            self._size += written
            if written < len(data):
                raise OSError("short write")
            self._dropped = 0
        except OSError:
            self._dropped += len(data)

    def _open(self) -> None:
        os.makedirs(self._folder, 0o755, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._fd = os.open(self.path, flags, 0o640)
        self._size = os.fstat(self._fd).st_size

    def _rotate(self) -> None:
        rotated = f"{self.path}.{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}"
        number = 0
        while os.path.exists(rotated + (f".{number}" if number else "")):
            number += 1
        self.close()
        os.rename(self.path, rotated + (f".{number}" if number else ""))
        self._open()
        old = sorted(
            (entry.stat().st_mtime_ns, entry.path)
            for entry in os.scandir(self._folder)
            if entry.name.startswith(self._name + ".")
        )
        for _, path in old[: max(0, len(old) - (self._max_files - 1))]:
            os.unlink(path)

    def ensure(self) -> None:
        """Make the (perhaps empty) file, so that a reader finds one from the container's start on."""
        try:
            if self._fd < 0 and self._folder:
                self._open()
        except OSError:
            pass  # the disk is full: tried again with the first output

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def tail(self, limit: int = 2048, lines: int = 80) -> str:
        """The end of the log as text (terminationMessagePolicy FallbackToLogsOnError: 2048 bytes or 80 lines)."""
        try:
            with open(self.path, "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - 64 * 1024))
                raw = file.read().splitlines()
        except OSError:
            return ""
        texts: list[bytes] = []
        for line in raw:
            fields = line.split(b" ", 3)
            if len(fields) == 4:
                texts.append(fields[3] + (b"\n" if fields[2] == b"F" else b""))
        return b"".join(texts[-lines:])[-limit:].decode(errors="replace")


class Splitter:
    """Cuts a stream of bytes into lines and parts; one per stream."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[bytes, bool]]:
        pieces = (self._rest + data).split(b"\n")
        self._rest = pieces.pop()
        parts: list[tuple[bytes, bool]] = []
        for piece in pieces:
            while len(piece) > PART:
                parts.append((piece[:PART], False))
                piece = piece[PART:]
            parts.append((piece, True))
        while len(self._rest) >= PART:
            parts.append((self._rest[:PART], False))
            self._rest = self._rest[PART:]
        return parts

    def end(self) -> list[tuple[bytes, bool]]:
        """What is left when the stream has ended without a newline."""
        rest, self._rest = self._rest, b""
        return [(rest, True)] if rest else []
