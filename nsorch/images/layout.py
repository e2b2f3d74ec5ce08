"""The image store on disk: an OCI image layout with unpacked layers beside it.

::

    oci-layout, index.json       the standard layout; every reference is one entry of the index, named by the
                                 annotation org.opencontainers.image.ref.name (an entry without one is an image that lost
                                 its name while Pods still use it)
    blobs/sha256/HEX             manifests, configs, layers as they came
    layers/sha256-HEX/           one layer unpacked, by diffID; shared read-only by every container
    layers/sha256-HEX.json       its size
    build/                       build cache
    tmp/                         work in progress; whatever is there when a daemon starts is rubbish

Blobs and layers appear by rename(2) after their digest was verified, the index is replaced in one step: a kill at
any moment leaves at most rubbish in ``tmp`` and blobs that nobody names yet.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from nsorch.images import compression
from nsorch.images.config import MAX_DOCUMENT, OCI_INDEX, Descriptor, DocumentError, canonical, parse_json
from nsorch.images.unpack import OPAQUE_XATTR, Limits, UnpackError, unpack
from nsorch.kit.files import write_atomic

REF_NAME = "org.opencontainers.image.ref.name"
CONTAINERD_NAME = "io.containerd.image.name"
CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class LayerInfo:
    """What is known of an unpacked layer without looking into it."""

    size: int
    """Bytes of its files, unpacked."""
    entries: int
    opaque: bool = False
    """Its root hides everything below it."""


class Layout:
    """File operations; no locking: the daemon alone writes the index, blobs and layers are content-addressed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.blobs = root / "blobs" / "sha256"
        self.layers = root / "layers"
        self.tmp = root / "tmp"
        self.build = root / "build"

    def create(self) -> None:
        """Make the folders and the marker file; harmless if they exist."""
        self.root.mkdir(mode=0o755, parents=True, exist_ok=True)
        for folder in (self.blobs, self.layers, self.tmp, self.build):
            folder.mkdir(mode=0o700 if folder in (self.tmp, self.build) else 0o755, parents=True, exist_ok=True)
        marker = self.root / "oci-layout"
        if not marker.exists():
            write_atomic(marker, '{"imageLayoutVersion":"1.0.0"}', mode=0o644)
        if not self.index_path.exists():
            self.write_index([])

    @property
    def index_path(self) -> Path:
        return self.root / "index.json"

    def read_index(self) -> list[Descriptor]:
        """Every entry of the index; ``DocumentError`` if the file is damaged."""
        data = parse_json(self.index_path.read_bytes(), str(self.index_path))
        entries = data.get("manifests")
        if not isinstance(entries, list):
            raise DocumentError(f"{self.index_path}: has no list of manifests")
        return [Descriptor.read(entry, f"{self.index_path}: manifests[{i}]") for i, entry in enumerate(entries)]

    def write_index(self, entries: Iterable[Descriptor]) -> None:
        data = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry.plain() for entry in entries]}
        write_atomic(self.index_path, canonical(data), mode=0o644, durable=True)

    # Blobs

    def blob(self, digest: str) -> Path:
        return self.blobs / digest.removeprefix("sha256:")

    def read_blob(self, digest: str) -> bytes:
        """A small blob (manifest, config), verified; ``DocumentError`` if it is damaged or missing."""
        try:
            with self.blob(digest).open("rb") as file:
                raw = file.read(MAX_DOCUMENT + 1)
        except FileNotFoundError:
            raise DocumentError(f"the blob {digest} is missing") from None
        if digest_of(raw) != digest:
            raise DocumentError(f"the blob {digest} is damaged: its content has the digest {digest_of(raw)}")
        return raw

    def add_blob(self, raw: bytes) -> str:
        """Store a small blob; its digest."""
        digest = digest_of(raw)
        if not self.blob(digest).exists():
            write_atomic(self.blob(digest), raw, mode=0o644, durable=True)
        return digest

    def adopt_blob(self, file: Path, digest: str) -> None:
        """Move a file of this file system, whose digest was verified, into the store."""
        if self.blob(digest).exists():
            file.unlink()
            return
        file.chmod(0o644)
        os.replace(file, self.blob(digest))

    # Layers

    def layer(self, diff_id: str) -> Path:
        return self.layers / diff_id.replace(":", "-")

    def layer_info(self, diff_id: str) -> LayerInfo:
        """``FileNotFoundError`` if the layer is not unpacked."""
        folder = self.layer(diff_id)
        data = json.loads(folder.with_name(folder.name + ".json").read_bytes())
        if not folder.is_dir():
            raise FileNotFoundError(folder)
        return LayerInfo(int(data["size"]), int(data["entries"]), bool(data.get("opaque")))

    def has_layer(self, diff_id: str) -> bool:
        return self.layer(diff_id).is_dir()

    def unpack_layer(self, blob: Path, diff_id: str, limits: Limits | None = None) -> None:
        """Unpack a layer blob unless it is there already; ``UnpackError`` if it is damaged or not what ``diff_id`` says."""
        if self.has_layer(diff_id):
            return
        bounds = limits or Limits()
        with self.scratch("layer-") as scratch:
            target = scratch / "root"
            target.mkdir(mode=0o755)
            try:
                with compression.decompressed(blob) as plain:
                    stream = HashingReader(plain, bounds.bytes)
                    found = unpack(stream, str(target), limits=bounds)  # type: ignore[arg-type]
                    stream.drain()
            except compression.DECODE_ERRORS as error:
                raise UnpackError(f"cannot read layer {diff_id}: {error}") from error
            if stream.digest != diff_id:
                raise UnpackError(f"layer {diff_id} is damaged: its content has the digest {stream.digest}")
            self.adopt_layer(target, diff_id, LayerInfo(found.bytes, found.entries, _is_opaque(target)))

    def adopt_layer(self, folder: Path, diff_id: str, info: LayerInfo) -> None:
        """Move an unpacked layer, complete and verified, into the store."""
        target = self.layer(diff_id)
        note = {"size": info.size, "entries": info.entries, "opaque": info.opaque}
        os.sync()  # all its files at once: a power cut must not leave a complete-looking layer of empty files
        write_atomic(target.with_name(target.name + ".json"), canonical(note), mode=0o644)
        try:
            os.rename(folder, target)
        except OSError:
            if not target.is_dir():
                raise
            # someone else unpacked the same layer meanwhile

    # Work in progress

    @contextmanager
    def scratch(self, prefix: str) -> Iterator[Path]:
        """A private folder on the store's file system, removed at the end."""
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=self.tmp))
        try:
            yield folder
        finally:
            remove_tree(folder)


class HashingReader:
    """Passes reads on and hashes what went by; refuses to read more than ``limit`` bytes."""

    def __init__(self, source: BinaryIO, limit: int) -> None:
        self._source = source
        self._hash = hashlib.sha256()
        self._left = limit
        self._limit = limit

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(CHUNK if size < 0 else size)
        self._left -= len(data)
        if self._left < 0:
            raise UnpackError(f"more than {self._limit} bytes unpacked")
        self._hash.update(data)
        return data

    def drain(self) -> None:
        """Read to the end: a tar may be followed by padding, which counts for the digest."""
        while self.read(CHUNK):
            pass

    @property
    def digest(self) -> str:
        return "sha256:" + self._hash.hexdigest()


def digest_of(raw: bytes) -> str:
    return "sha256:" + hashlib.sha256(raw).hexdigest()


def digest_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def remove_tree(folder: Path) -> None:
    """Remove a folder with all it holds; one that is gone is fine."""
    shutil.rmtree(folder, onerror=_unless_gone)


def _unless_gone(function: object, path: str, raised: tuple[type[BaseException], BaseException, object]) -> None:
    if not isinstance(raised[1], FileNotFoundError):
        raise raised[1]


def _is_opaque(folder: Path) -> bool:
    return OPAQUE_XATTR in os.listxattr(folder)
