"""CRI log lines -> what kubectl prints. Pure.

``2026-01-02T03:04:05.123456789Z stdout F the line``; parts tagged ``P`` go on in the next line of the same stream.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime


def stamp(seconds: float) -> bytes:
    """A time as CRI lines begin, so that text comparison is time comparison."""
    whole = int(seconds)
    nanos = round((seconds - whole) * 1e9)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{nanos:09d}Z".encode()


@dataclass(slots=True)
class Filter:
    """Chooses and rewrites lines. ``left`` counts down ``limitBytes``."""

    since: bytes = b""
    timestamps: bool = False
    stream: bytes = b""
    """``stdout``, ``stderr`` or "" for both."""
    left: int | None = None
    _in_line: set[bytes] = field(default_factory=set)

    @property
    def full(self) -> bool:
        return self.left is not None and self.left <= 0

    def feed(self, lines: list[bytes]) -> bytes:
        """Printed bytes of complete CRI lines (without their newlines)."""
        out: list[bytes] = []
        for line in lines:
            parts = line.split(b" ", 3)
            if len(parts) < 3:
                continue
            when, stream, tag = parts[0], parts[1], parts[2]
            text = parts[3] if len(parts) == 4 else b""
            if (self.since and when < self.since) or (self.stream and stream != self.stream):
                continue
            if self.timestamps and stream not in self._in_line:
                out.append(when + b" ")
            out.append(text)
            if tag.startswith(b"P"):
                self._in_line.add(stream)
            else:
                self._in_line.discard(stream)
                out.append(b"\n")
        data = b"".join(out)
        if self.left is not None:
            data = data[: max(self.left, 0)]
            self.left -= len(data)
        return data


def tail_start(data: bytes, lines: int) -> tuple[int, int]:
    """(offset in ``data`` where the last ``lines`` whole log lines begin, how many were found)."""
    found = 0
    end = len(data)
    while end > 0:
        newline = data.rfind(b"\n", 0, end - 1)
        line = data[newline + 1 : end]
        if line.split(b" ", 3)[2:3] == [b"F"]:
            if found == lines:
                return end, found
            found += 1
        end = newline + 1
    return 0, found
