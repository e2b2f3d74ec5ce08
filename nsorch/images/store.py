"""The images of this machine, as the rest of nsorch sees them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from nsorch.images import gc
from nsorch.images.build.cache import BuildCache
from nsorch.images.config import Descriptor, DocumentError
from nsorch.images.errors import ImageError
from nsorch.images.gate import Gate
from nsorch.images.image import Image, read_image
from nsorch.images.layout import CONTAINERD_NAME, REF_NAME, Layout
from nsorch.images.load import Loaded
from nsorch.images.process import run_worker
from nsorch.images.reference import Reference
from nsorch.kit.logs import logger

PullPolicy = Literal["Always", "IfNotPresent", "Never"]
Progress = Callable[[str], None]
log = logger("images")


def _silent(_: str) -> None:
    pass


def _absolute(path: Path) -> str:
    return os.path.abspath(path)


class ImageStore:
    """Names and images are held in memory; heavy work runs in a child process, never on the event loop.

    Every method may be called at any time by any number of tasks. The store is the only writer of its folder.
    """

    def __init__(self, root: Path) -> None:
        """Open or make the store in ``root``; images that are damaged are logged and left out."""
        self.layout = Layout(root)
        self.layout.create()
        self._gate = Gate()
        self._changing = asyncio.Lock()
        self._images: dict[str, Image] = {}
        """By id."""
        self._names: dict[str, str] = {}
        """Full reference -> id."""
        self._entries: dict[str, Descriptor] = {}
        """Image id -> its manifest's descriptor."""
        self._users: dict[str, dict[str, str]] = {}
        """Pod uid -> image id -> Pod name."""
        self._callbacks: list[Callable[[Image], None]] = []
        self._background: set[asyncio.Task[None]] = set()
        self._sweep_wanted = False
        self._sweeping_allowed = False
        """Not before the first ``collect``: until Pods were adopted nobody knows which nameless images they use."""
        self._leftovers = list(self.layout.tmp.iterdir())
        self._read()

    # What is here

    def find(self, reference: str) -> Image | None:
        """The image that ``reference`` means: a name, ``NAME@sha256:DIGEST`` or an image id ``sha256:HEX``.

        ``ImageError`` with reason InvalidImageName if it is no reference.
        """
        if reference in self._images:
            return self._images[reference]
        if reference.startswith("sha256:"):
            return None
        wanted = Reference.parse(reference)
        if wanted.digest is None:
            return self._images.get(self._names.get(str(wanted), ""))
        for image in self._images.values():
            if image.digest == wanted.digest:
                return image
        return None

    def list(self) -> list[Image]:
        """Every image, by name."""
        return sorted(self._images.values(), key=lambda image: (not image.references, image.familiar))

    def inspect(self, reference: str) -> dict[str, Any]:
        """All that is known of an image, as JSON-like data; ``ImageError`` (ErrImagePull) if it is not here."""
        image = self._known(reference)
        return {
            "id": image.id,
            "digest": image.digest,
            "references": list(image.references),
            "repoDigests": list(image.repo_digests),
            "created": image.created,
            "architecture": image.architecture,
            "size": image.size,
            "config": image.config.plain(),
            "layers": [
                {"diffID": part.diff_id, "digest": part.digest, "size": part.size, "blobSize": part.blob_size}
                for part in image.parts
            ],
            "history": [entry.plain() for entry in image.history],
            "usedBy": sorted(self.users(image.id)),
        }

    async def ensure(self, reference: str, policy: PullPolicy = "IfNotPresent") -> Image:
        """The image for a container, or ``ImageError`` with the reason that the container's status shows.

        Nothing is pulled from registries yet: ``Always`` takes what the name means on this machine now.
        """
        image = self.find(reference)
        if image is not None:
            return image
        if policy == "Never":
            raise ImageError(
                "ErrImageNeverPull", f'Container image "{reference}" is not present with pull policy of Never'
            )
        raise ImageError(
            "ErrImagePull",
            f'image "{reference}" is not on this machine, and nsorch does not pull from registries: make it with '
            f'"nsorch image build DIR --tag {reference}" or bring it with "nsorch image load FILE"',
        )

    def subscribe(self, callback: Callable[[Image], None]) -> Callable[[], None]:
        """Call ``callback`` with every image that appears or gets a new name; the answer ends that."""
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    # Bringing images in

    async def load(self, path: Path, *, tag: str | None = None, progress: Progress = _silent) -> Sequence[Image]:
        """Every image of a docker archive, an OCI archive or an OCI layout folder; ``ImageError`` (ErrImageLoad)."""
        if tag is not None:
            Reference.parse(tag)
        return await self._ingest({"op": "load", "path": _absolute(path), "tag": tag}, progress)

    async def build(
        self,
        context: Path,
        file: Path | None = None,
        tag: str | Sequence[str] = (),
        progress: Progress = _silent,
        *,
        args: Mapping[str, str] | None = None,
        target: str = "",
        no_cache: bool = False,
    ) -> Image:
        """Build a recipe: the folder ``context`` with its Containerfile (or ``file``); ``ImageError`` (ErrImageBuild).

        Without ``tag`` the image is named after the folder: ``rootfs/busybox`` gives ``busybox:latest``. ``args`` are for
        ARG; ``target`` stops at that stage; ``no_cache`` does every step again.
        """
        folder = _absolute(context)
        tags = [tag] if isinstance(tag, str) and tag else list(tag) or [os.path.basename(folder).lower()]
        request = {
            "context": folder,
            "file": _absolute(file) if file else None,
            "references": [str(Reference.parse(name)) for name in tags],
            "args": dict(args or {}),
            "target": target,
            "no_cache": no_cache,
        }
        (image,) = await self._ingest({"op": "build", "build": request}, progress)
        return image

    async def tag(self, reference: str, name: str) -> Image:
        """Give an image one more name; whatever had that name loses it."""
        image = self._known(reference)
        full = Reference.parse(name)
        if full.digest:
            raise ImageError("InvalidImageName", f'cannot tag as "{name}": a name with a digest cannot be given')
        async with self._gate.shared():
            await self._add(self._entries[image.id], image.named(()), [str(full)])
        self._sweep_soon()
        return self._images[image.id]

    # Use and removal

    def use(self, uid: str, image_id: str, pod: str = "") -> None:
        """Pod ``uid`` (``NAMESPACE/NAME`` for messages) has the image ``sha256:...`` mounted; it stays until ``release``."""
        self._users.setdefault(uid, {})[image_id] = pod or uid

    def release(self, uid: str) -> None:
        """Pod ``uid`` is gone; harmless if it used nothing."""
        images = self._users.pop(uid, {})
        if any(image_id in self._images and not self._images[image_id].references for image_id in images):
            self._sweep_soon()

    def users(self, image_id: str) -> set[str]:
        """The Pods that use an image."""
        return {images[image_id] for images in self._users.values() if image_id in images}

    async def remove(self, reference: str, *, force: bool = False) -> Sequence[str]:
        """Take a name away (all names if ``reference`` is an id); the last name takes the image with it.

        ``ImageError`` (ErrImageInUse) if Pods use it, unless ``force``: then they keep it until they are gone. The
        answer lists the names that were removed, and the image's id if it is gone too.
        """
        async with self._changing:
            image = self._known(reference)
            by_id = reference == image.id or "@" in reference
            gone = list(image.references) if by_id else [str(Reference.parse(reference))]
            left = tuple(name for name in image.references if name not in gone)
            pods = sorted(self.users(image.id))
            if pods and not left and not force:
                shown = ", ".join(pods[:3]) + (f" and {len(pods) - 3} more" if len(pods) > 3 else "")
                raise ImageError(
                    "ErrImageInUse",
                    f'cannot remove image "{image.familiar}": used by {shown}; delete them or use --force',
                )
            for name in gone:
                self._names.pop(name, None)
            self._images[image.id] = image.named(left)
            if not left and not pods:
                self._drop(image.id)
                gone.append(image.id)
            await self._write()
        self._sweep_soon()
        return gone

    async def collect(self) -> None:
        """Remove nameless images that no Pod uses, and whatever no image needs; to be called once Pods were adopted."""
        self._sweeping_allowed = True
        async with self._changing:
            surplus = [image.id for image in self._images.values() if not image.references and not self.users(image.id)]
            for image_id in surplus:
                self._drop(image_id)
            if surplus:
                await self._write()
        async with self._gate.exclusive():
            keep = [entry.digest for entry in self._entries.values()]
            swept = await asyncio.to_thread(gc.sweep, self.layout, keep)
        leftovers, self._leftovers = self._leftovers, []
        for folder in (swept.trash, *leftovers):
            await asyncio.to_thread(gc.empty, folder)
        if swept.layers or swept.blobs:
            log.info("removed %d layers and %d blobs that no image needs", swept.layers, swept.blobs)

    async def prune(self) -> int:
        """Forget every build step, its downloads too, and ``collect``; bytes that this freed on the file system."""
        before = await asyncio.to_thread(os.statvfs, self.layout.root)
        async with self._gate.exclusive():
            await asyncio.to_thread(BuildCache(self.layout).clear)
        await self.collect()
        after = await asyncio.to_thread(os.statvfs, self.layout.root)
        return max(0, (after.f_bfree - before.f_bfree) * after.f_frsize)

    async def close(self) -> None:
        """Wait for what runs in the background."""
        await asyncio.gather(*self._background)

    # Inside

    def _known(self, reference: str) -> Image:
        image = self.find(reference) or next(
            (found for found in self._images.values() if len(reference) >= 12 and found.id[7:].startswith(reference)),
            None,
        )
        if image is None:
            raise ImageError("ErrImagePull", f'no image "{reference}" on this machine: "nsorch image ls" lists them')
        return image

    async def _ingest(self, request: dict[str, Any], progress: Progress) -> Sequence[Image]:
        async with self._gate.shared():
            loaded = await run_worker({**request, "root": str(self.layout.root)}, progress)
            images = [await self._adopt(item) for item in loaded]
        self._sweep_soon()
        return images

    async def _adopt(self, item: Loaded) -> Image:
        image = await asyncio.to_thread(read_image, self.layout, item.manifest)
        await self._add(item.manifest, image, item.references)
        return self._images[image.id]

    async def _add(self, entry: Descriptor, image: Image, names: Sequence[str]) -> None:
        async with self._changing:
            known = self._images.get(image.id)
            already = known.references if known else ()
            self._entries.setdefault(image.id, entry)
            for name in names:
                before = self._names.get(name)
                if before is not None and before != image.id:
                    loser = self._images[before]
                    self._images[before] = loser.named(tuple(ref for ref in loser.references if ref != name))
                self._names[name] = image.id
            current = (known or image).named(tuple(dict.fromkeys((*already, *names))))
            self._images[image.id] = current
            await self._write()
        for callback in list(self._callbacks):
            callback(current)

    def _drop(self, image_id: str) -> None:
        del self._images[image_id]
        del self._entries[image_id]

    async def _write(self) -> None:
        entries = []
        for image_id, image in self._images.items():
            entry = self._entries[image_id]
            for name in image.references or ("",):
                marks = {REF_NAME: name, CONTAINERD_NAME: name} if name else {}
                entries.append(Descriptor(entry.media_type, entry.digest, entry.size, marks))
        await asyncio.to_thread(self.layout.write_index, entries)

    def _read(self) -> None:
        try:
            entries = self.layout.read_index()
        except DocumentError as error:
            aside = self.layout.index_path.with_suffix(".damaged")
            os.replace(self.layout.index_path, aside)
            log.error("image index unreadable, kept as %s; load or build the images again: %s", aside, error)
            self.layout.write_index([])
            return
        for entry in entries:
            name = entry.annotations.get(CONTAINERD_NAME) or entry.annotations.get(REF_NAME, "")
            try:
                image = read_image(self.layout, entry)
                names = [str(Reference.parse(name))] if name else []
            except (DocumentError, FileNotFoundError, ValueError, ImageError) as error:
                log.error("image %s is damaged, load or build it again: %s", name or entry.digest, error)
                continue
            known = self._images.get(image.id, image)
            self._images[image.id] = known.named(tuple(dict.fromkeys((*known.references, *names))))
            self._entries.setdefault(image.id, Descriptor(entry.media_type, entry.digest, entry.size))
            self._names.update(dict.fromkeys(names, image.id))

    def _sweep_soon(self) -> None:
        """Collect in the background; while somebody adds, that one asks again when done."""
        if not self._sweeping_allowed or self._gate.busy:
            return
        self._sweep_wanted = True
        if not self._background:
            task = asyncio.create_task(self._sweep())
            self._background.add(task)
            task.add_done_callback(self._background.discard)

    async def _sweep(self) -> None:
        while self._sweep_wanted:
            self._sweep_wanted = False
            await self.collect()
