"""Files of a volume replaced all at once, so that a reader never sees a mixture.

    VOLUME/key        -> ..data/key        a link per top-level name, stable
    VOLUME/..data     -> ..2026_01_02_...  swapped by one rename(2)
    VOLUME/..2026_... /key                 the files themselves

The same shape as kubelet's AtomicWriter, because programs watch ``..data`` to notice changes.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from pathlib import Path

from nsorch.node.volumes.payload import Payload

DATA = "..data"


def write_payload(folder: Path, files: Payload, *, group: int | None = None) -> bool:
    """Make ``folder`` show exactly ``files``; False if it already does. ``group``: fsGroup, gets read access."""
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    link = folder / DATA
    old = os.readlink(link) if link.is_symlink() else None
    if old is not None and _same(folder / old, files, group):
        return False
    fresh = f"..{time.strftime('%Y_%m_%d_%H_%M_%S', time.gmtime())}.{time.monotonic_ns() % 1_000_000_000:09d}"
    target = folder / fresh
    target.mkdir(mode=0o755)
    _own(target, group, folder=True)
    for path, file in files.items():
        where = target / path
        if where.parent != target:
            where.parent.mkdir(parents=True, exist_ok=True)
            for parent in where.relative_to(target).parents:
                if str(parent) != ".":
                    os.chmod(target / parent, 0o755)
                    _own(target / parent, group, folder=True)
        fd = os.open(where, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as out:
            out.write(file.data)
            os.fchmod(fd, _mode(file.mode, group))
            if group is not None:
                os.fchown(fd, -1, group)
    os.chmod(target, 0o755)
    temporary = folder / "..data_tmp"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(fresh)
    os.replace(temporary, link)
    names = {path.split("/", 1)[0] for path in files}
    for name in names:
        visible = folder / name
        if not visible.is_symlink():
            visible.symlink_to(f"{DATA}/{name}")
    for entry in os.listdir(folder):
        if entry not in names and not entry.startswith(".."):
            (folder / entry).unlink(missing_ok=True)
    if old is not None:
        shutil.rmtree(folder / old, ignore_errors=True)
    _own(folder, group, folder=True)
    return True


def _mode(mode: int, group: int | None) -> int:
    return mode | 0o440 if group is not None else mode


def _own(path: Path, group: int | None, *, folder: bool) -> None:
    if group is not None:
        os.chown(path, -1, group)
        if folder:
            os.chmod(path, 0o2755)


def _same(folder: Path, files: Payload, group: int | None) -> bool:
    found: set[str] = set()
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            relative = str(path.relative_to(folder))
            file = files.get(relative)
            if file is None or path.read_bytes() != file.data:
                return False
            if stat.S_IMODE(path.stat().st_mode) != _mode(file.mode, group):
                return False
            found.add(relative)
    return found == set(files)
