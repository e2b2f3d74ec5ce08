"""Which files hold the log of one run of a container, and reading their ends without reading them whole."""

from __future__ import annotations

import os
import re

from nsorch.node.containerlogs.format import tail_start

_LIVE = re.compile(r"(\d+)\.log$")
BLOCK = 64 * 1024


def runs(folder: str) -> list[int]:
    """Numbers of all runs that have a log, ascending."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    return sorted({int(name.split(".", 1)[0]) for name in names if re.match(r"\d+\.log", name)})


def segments(folder: str, run: int) -> list[str]:
    """Paths of one run's log, oldest first: rotated files, then the live one."""
    live = f"{run}.log"
    rotated = sorted(name for name in os.listdir(folder) if name.startswith(live + "."))
    return [os.path.join(folder, name) for name in (*rotated, live)]


def tail_position(paths: list[str], lines: int) -> tuple[int, int]:
    """(index of the segment, byte offset in it) where the last ``lines`` log lines begin."""
    wanted = lines
    for index in range(len(paths) - 1, -1, -1):
        offset, found = _tail_of(paths[index], wanted)
        wanted -= found
        if offset > 0 or wanted <= 0:
            return index, offset
    return 0, 0


def _tail_of(path: str, lines: int) -> tuple[int, int]:
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            span = BLOCK
            while True:
                start = max(0, size - span)
                file.seek(start)
                data = file.read(size - start)
                if start > 0:  # begins inside a line
                    cut = data.find(b"\n") + 1
                    data, start = data[cut:], start + cut
                if lines == 0:
                    return size, 0
                offset, found = tail_start(data, lines)
                if offset > 0 or start == 0 or (found == lines and offset > 0):
                    return start + offset, found
                if span >= size:
                    return 0, found
                span *= 4
    except FileNotFoundError:
        return 0, 0
