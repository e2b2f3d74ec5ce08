"""An image that is on this machine, complete and unpacked."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nsorch.images.config import Descriptor, History, ImageConfig, ImageDocument, Manifest
from nsorch.images.layout import Layout
from nsorch.images.reference import Reference


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer; ``diff_id`` is the digest of its plain tar, ``digest`` that of its blob."""

    diff_id: str
    digest: str
    size: int
    """Bytes of its files, unpacked."""
    blob_size: int
    """Bytes as stored and transferred."""


@dataclass(frozen=True, slots=True)
class Image:
    """Immutable; a changed name gives a new ``Image``."""

    id: str
    """``sha256:...`` of the config: equal content, equal id."""
    digest: str
    """``sha256:...`` of the manifest: what ``NAME@sha256:...`` means."""
    references: tuple[str, ...]
    """Full names, for example ``docker.io/library/busybox:latest``; empty once all were taken away."""
    layers: tuple[str, ...]
    """Unpacked folders, topmost first, as overlayfs wants them; shared, never to be written."""
    size: int
    """Bytes of all layers, unpacked."""
    config: ImageConfig
    created: str
    architecture: str
    history: tuple[History, ...]
    parts: tuple[Layer, ...]
    """The layers, lowest first."""

    @property
    def repo_digests(self) -> tuple[str, ...]:
        """``docker.io/library/busybox@sha256:...`` for each repository it is named in."""
        repositories = dict.fromkeys(Reference.parse(reference).repository for reference in self.references)
        return tuple(f"{repository}@{self.digest}" for repository in repositories)

    @property
    def familiar(self) -> str:
        """The shortest thing to call it by."""
        return Reference.parse(self.references[0]).familiar if self.references else self.id

    def named(self, references: tuple[str, ...]) -> Image:
        return replace(self, references=references)


def read_image(layout: Layout, entry: Descriptor) -> Image:
    """The image that an index entry describes, without its names.

    ``DocumentError`` or ``FileNotFoundError`` if a blob or an unpacked layer is missing or damaged.
    """
    manifest = Manifest.parse(layout.read_blob(entry.digest))
    document = ImageDocument.parse(layout.read_blob(manifest.config.digest))
    parts = []
    folders: list[str] = []
    for blob, diff_id in zip(manifest.layers, document.diff_ids, strict=True):
        info = layout.layer_info(diff_id)
        parts.append(Layer(diff_id, blob.digest, info.size, blob.size))
        if info.opaque:  # overlayfs does not look for the mark on a layer's root
            folders.clear()
        folders.insert(0, str(layout.layer(diff_id)))
    return Image(
        id=manifest.config.digest,
        digest=entry.digest,
        references=(),
        layers=tuple(dict.fromkeys(folders)),  # overlayfs refuses the same folder twice
        size=sum(part.size for part in parts),
        config=document.config,
        created=document.created,
        architecture=document.architecture,
        history=document.history,
        parts=tuple(parts),
    )
