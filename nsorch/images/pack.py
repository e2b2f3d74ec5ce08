"""The writable folder of an overlay, packed as an OCI layer: the inverse of ``unpack``.

Equal content gives an equal tar: entries sorted, names of users left out, times in whole seconds and never later than a
given moment (what ``SOURCE_DATE_EPOCH`` means). The folder itself is brought to the same times, and overlayfs's own notes
are removed, so that it can serve as the unpacked layer.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from nsorch.images.config import OCI_LAYER, Descriptor
from nsorch.images.layout import LayerInfo
from nsorch.images.unpack import OPAQUE, OPAQUE_XATTR, WHITEOUT, XATTR_KEY

GZIP_LEVEL = 1
"""Level 1 is five times as fast as the usual 6 and a tenth bigger."""
GZIP_WINDOW = 31
"""zlib's way to say: gzip format, largest window; the header carries no time and no name."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A layer written to a file."""

    diff_id: str
    blob: Descriptor
    info: LayerInfo


def pack(folder: Path, out: Path, latest: int) -> Packed | None:
    """Write the layer in ``folder`` to the file ``out``, gzip; None if it changes nothing. ``latest`` in seconds."""
    entries = list(_walk(os.fspath(folder), ""))
    if not entries and OPAQUE_XATTR not in os.listxattr(folder):
        return None
    with out.open("xb") as file:
        writer = _LayerWriter(file)
        size = _write(writer, folder, entries, latest)
        writer.finish()
    blob = Descriptor(f"{OCI_LAYER}+gzip", writer.digest, out.stat().st_size)
    info = LayerInfo(size, len(entries), OPAQUE_XATTR in os.listxattr(folder))
    return Packed(writer.diff_id, blob, info)


class _LayerWriter:
    """Compresses what is written and hashes both forms."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._plain = hashlib.sha256()
        self._packed = hashlib.sha256()
        self._zlib = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, GZIP_WINDOW)

    def write(self, data: bytes) -> int:
        self._plain.update(data)
        self._emit(self._zlib.compress(data))
        return len(data)

    def finish(self) -> None:
        self._emit(self._zlib.flush())

    def _emit(self, data: bytes) -> None:
        self._packed.update(data)
        self._file.write(data)

    @property
    def diff_id(self) -> str:
        return "sha256:" + self._plain.hexdigest()

    @property
    def digest(self) -> str:
        return "sha256:" + self._packed.hexdigest()


def _walk(root: str, below: str) -> Iterator[tuple[str, os.stat_result]]:
    """Relative paths in a fixed order, a folder before what it holds."""
    with os.scandir(f"{root}/{below}") as listing:
        names = sorted((entry.name for entry in listing), key=os.fsencode)
    for name in names:
        path = f"{below}/{name}" if below else name
        found = os.lstat(f"{root}/{path}")
        yield path, found
        if stat.S_ISDIR(found.st_mode):
            yield from _walk(root, path)


def _write(writer: _LayerWriter, folder: Path, entries: list[tuple[str, os.stat_result]], latest: int) -> int:
    size = 0
    links: dict[int, str] = {}
    folders: list[tuple[str, int]] = []
    archive = tarfile.open(  # noqa: SIM115  # closed below, before the file
        fileobj=cast(BinaryIO, writer),
        mode="w|",
        format=tarfile.PAX_FORMAT,
        errors="surrogateescape",
        bufsize=1024 * 1024,
    )
    if OPAQUE_XATTR in os.listxattr(folder):
        archive.addfile(_marker(OPAQUE, latest))
    for path, found in entries:
        full = f"{folder}/{path}"
        parent, _, name = path.rpartition("/")
        if stat.S_ISCHR(found.st_mode) and found.st_rdev == 0:
            archive.addfile(_marker(f"{parent}/{WHITEOUT}{name}" if parent else WHITEOUT + name, latest))
            continue
        info = _info(path, full, found, latest)
        if info is None:
            os.unlink(full)
            continue
        if stat.S_ISDIR(found.st_mode):
            folders.append((full, int(info.mtime)))
        elif found.st_mtime_ns != info.mtime * 1_000_000_000:
            os.utime(full, ns=(int(info.mtime) * 1_000_000_000,) * 2, follow_symlinks=False)
        if stat.S_ISREG(found.st_mode):
            if found.st_nlink > 1 and found.st_ino in links:
                info.type, info.linkname, info.size = tarfile.LNKTYPE, links[found.st_ino], 0
                info.pax_headers = {}
                archive.addfile(info)
                continue
            links[found.st_ino] = path
            size += found.st_size
            with open(full, "rb") as content:
                archive.addfile(info, content)
        else:
            archive.addfile(info)
        if info.isdir() and OPAQUE_XATTR in os.listxattr(full):
            archive.addfile(_marker(f"{path}/{OPAQUE}", latest))
    archive.close()
    for full, time in reversed(folders):
        os.utime(full, (time, time))
    return size


def _info(path: str, full: str, found: os.stat_result, latest: int) -> tarfile.TarInfo | None:
    """The header of one entry; None for what no image carries (devices, sockets)."""
    info = tarfile.TarInfo(path)
    info.uid, info.gid = found.st_uid, found.st_gid
    info.mode = stat.S_IMODE(found.st_mode)
    info.mtime = max(0, min(int(found.st_mtime), latest))
    if stat.S_ISDIR(found.st_mode):
        info.type = tarfile.DIRTYPE
    elif stat.S_ISLNK(found.st_mode):
        info.type, info.linkname = tarfile.SYMTYPE, os.readlink(full)
    elif stat.S_ISFIFO(found.st_mode):
        info.type = tarfile.FIFOTYPE
    elif stat.S_ISREG(found.st_mode):
        info.size = found.st_size
    else:
        return None
    xattrs = {}
    for name in sorted(os.listxattr(full, follow_symlinks=False)):
        if name.startswith("trusted.overlay."):
            if name != OPAQUE_XATTR:
                os.removexattr(full, name, follow_symlinks=False)
        elif not name.startswith(("trusted.", "security.")) or name == "security.capability":
            value = os.getxattr(full, name, follow_symlinks=False)
            xattrs[XATTR_KEY + name] = value.decode("utf-8", "surrogateescape")
    info.pax_headers = xattrs
    return info


def _marker(path: str, latest: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.mode = 0o600
    info.mtime = min(latest, 0)
    return info
