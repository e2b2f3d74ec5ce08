"""Layer blobs as streams of plain tar, whatever they are compressed with."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import shutil
import subprocess
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
BZIP2_MAGIC = b"BZh"
XZ_MAGIC = b"\xfd7zXZ\x00"

DECODE_ERRORS = (OSError, EOFError, zlib.error, lzma.LZMAError)
"""What reading a damaged compressed stream can raise."""


def media_suffix(path: Path) -> str:
    """What the OCI layer media type ends with for this file: "", ``+gzip`` or ``+zstd``."""
    with path.open("rb") as file:
        magic = file.read(6)
    if magic.startswith(GZIP_MAGIC):
        return "+gzip"
    return "+zstd" if magic.startswith(ZSTD_MAGIC) else ""


def is_compressed(path: Path) -> bool:
    with path.open("rb") as file:
        magic = file.read(6)
    return magic.startswith((GZIP_MAGIC, ZSTD_MAGIC, BZIP2_MAGIC, XZ_MAGIC))


@contextmanager
def decompressed(path: Path) -> Iterator[BinaryIO]:
    """The plain content of ``path``: gzip, zstd, bzip2, xz or not compressed at all, told by the first bytes.

    Damaged data raises one of ``DECODE_ERRORS`` while it is read, or when the block is left.
    """
    with path.open("rb") as file:
        magic = file.read(6)
        file.seek(0)
        if magic.startswith(GZIP_MAGIC):
            with gzip.GzipFile(fileobj=file) as plain:
                yield cast(BinaryIO, plain)
        elif magic.startswith(BZIP2_MAGIC):
            with bz2.BZ2File(file) as plain_bz2:
                yield cast(BinaryIO, plain_bz2)
        elif magic.startswith(XZ_MAGIC):
            with lzma.LZMAFile(file) as plain_xz:
                yield cast(BinaryIO, plain_xz)
        elif magic.startswith(ZSTD_MAGIC):
            with _zstd(file) as plain_zstd:
                yield plain_zstd
        else:
            yield file


@contextmanager
def _zstd(file: BinaryIO) -> Iterator[BinaryIO]:
    program = shutil.which("zstd")
    if program is None:
        raise OSError("cannot read a zstd layer: the program zstd is not installed (apt-get install zstd)")
    os.lseek(file.fileno(), 0, os.SEEK_SET)  # the buffer has read ahead; the child shares the descriptor only
    with subprocess.Popen([program, "-dcq"], stdin=file, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        complete = False
        try:
            yield cast(BinaryIO, process.stdout)
            complete = not process.stdout.read(1)
        finally:
            if not complete:
                process.kill()
            process.stdout.close()
        said = process.stderr.read().decode(errors="replace").strip()
        if process.wait() != 0 and complete:
            raise OSError(f"cannot read a zstd layer: {said}")
