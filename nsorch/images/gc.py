"""What no image and no cache entry needs is removed from the store."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nsorch.images.build.cache import BuildCache
from nsorch.images.config import DocumentError, ImageDocument, Manifest
from nsorch.images.layout import Layout, remove_tree


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep removed."""

    blobs: int
    layers: int
    trash: Path


def sweep(layout: Layout, manifests: Iterable[str]) -> Swept:
    """Move every blob and layer out of the store that neither the ``manifests`` (digests) nor the build cache need.

    To be called while nobody adds. Moving is quick; ``Swept.trash`` is for ``empty`` to delete at leisure.
    """
    blobs: set[str] = set()
    layers: set[str] = set()
    for digest in manifests:
        blobs.add(digest)
        try:
            manifest = Manifest.parse(layout.read_blob(digest))
            blobs.add(manifest.config.digest)
            blobs.update(layer.digest for layer in manifest.layers)
            layers.update(ImageDocument.parse(layout.read_blob(manifest.config.digest)).diff_ids)
        except DocumentError:
            continue  # a damaged image keeps what can still be told of it
    cache = BuildCache(layout)
    for entry in cache.expire():
        blobs.add(entry.digest)
        layers.add(entry.diff_id)
    trash = Path(os.path.join(layout.tmp, f"trash-{os.urandom(6).hex()}"))
    trash.mkdir(mode=0o700)
    kept_names = {digest.removeprefix("sha256:") for digest in blobs}
    kept_layers = {diff_id.replace(":", "-") for diff_id in layers}
    gone_blobs = [entry for entry in os.scandir(layout.blobs) if entry.name not in kept_names]
    gone_layers = [entry for entry in os.scandir(layout.layers) if entry.name.removesuffix(".json") not in kept_layers]
    for blob in gone_blobs:
        os.rename(blob.path, trash / f"blob-{blob.name}")
    for layer in gone_layers:
        os.rename(layer.path, trash / layer.name)
    folders = sum(1 for layer in gone_layers if not layer.name.endswith(".json"))
    return Swept(len(gone_blobs), folders, trash)


def empty(trash: Path) -> None:
    """Delete what a sweep moved away."""
    remove_tree(trash)
