"""The images of ``rootfs/``, built once and kept in ``.cache/images`` for all tests."""

from __future__ import annotations

import asyncio
import fcntl
from pathlib import Path

from nsorch.images.store import ImageStore

PROJECT = Path(__file__).resolve().parents[2]
STORE = PROJECT / ".cache" / "images"


def recipe_images(*names: str) -> Path:
    """An OCI layout folder with these recipes' images, for ``nsorch image load``; built if they are not there yet."""
    STORE.parent.mkdir(exist_ok=True)
    with (STORE.parent / "images.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        asyncio.run(_build(names))
    return STORE


async def _build(names: tuple[str, ...]) -> None:
    store = ImageStore(STORE)
    for name in names:
        await store.build(PROJECT / "rootfs" / name)
    await store.collect()
    await store.close()
