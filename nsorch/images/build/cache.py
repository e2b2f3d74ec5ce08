"""The build cache: which layer a step gave, by everything that the step depends on.

One small file a step, ``build/cache/KEY.json``; its modification time is the last use. A cached layer stays in the store
as long as its entry lives, so that the second build of a recipe is instant.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nsorch.images.layout import Layout, remove_tree
from nsorch.kit.files import write_atomic

MAX_ENTRIES = 256
MAX_AGE = 14 * 24 * 3600.0
"""Seconds since the last use after which an entry is dropped."""


@dataclass(frozen=True, slots=True)
class CachedLayer:
    """A layer made by a step; all "" for a step that changed no file."""

    diff_id: str
    digest: str
    size: int
    media_type: str


class BuildCache:
    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._folder = layout.build / "cache"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @staticmethod
    def key(*parts: object) -> str:
        """One name for everything that a step depends on."""
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def get(self, key: str) -> CachedLayer | None:
        """The layer of a step done before, if it is still complete."""
        path = self._path(key)
        entry = _read(path)
        if entry is None:
            return None
        if entry.diff_id and not (self._layout.has_layer(entry.diff_id) and self._layout.blob(entry.digest).exists()):
            return None
        os.utime(path)
        return entry

    def put(self, key: str, layer: CachedLayer) -> None:
        data = {"diffID": layer.diff_id, "digest": layer.digest, "size": layer.size, "mediaType": layer.media_type}
        write_atomic(self._path(key), json.dumps(data))

    def expire(self) -> Iterator[CachedLayer]:
        """Drop old, surplus and unreadable entries; the layers of those that stay."""
        paths = sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
        oldest = time.time() - MAX_AGE
        for number, path in enumerate(paths):
            entry = _read(path)
            if entry is None or number >= MAX_ENTRIES or path.stat().st_mtime < oldest:
                path.unlink(missing_ok=True)
            elif entry.diff_id:
                yield entry

    def clear(self) -> None:
        """Forget every step, download and prepared folder; the next sweep removes the layers that no image has."""
        remove_tree(self._layout.build)
        self._layout.create()

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json"


def _read(path: Path) -> CachedLayer | None:
    try:
        data = json.loads(path.read_bytes())
        return CachedLayer(str(data["diffID"]), str(data["digest"]), int(data["size"]), str(data["mediaType"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # a damaged entry is as good as none: the step runs again
