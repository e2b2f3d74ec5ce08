"""Images from files: ``docker save`` archives, OCI archives and OCI layout folders.

An archive is read once, from front to back, into a scratch folder, member by member with its digest; nothing it says is
used as a path. Only after every digest was verified do blobs move into the store, only after every layer is unpacked does
the caller get a result to put into the index: a truncated or hostile archive leaves nothing behind.
"""

from __future__ import annotations

import os
import platform
import re
import stat
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from nsorch.images import compression
from nsorch.images.config import (
    INDEX_TYPES,
    MANIFEST_TYPES,
    MAX_DOCUMENT,
    OCI_CONFIG,
    OCI_LAYER,
    OCI_MANIFEST,
    Descriptor,
    DocumentError,
    ImageDocument,
    Manifest,
    parse_json,
)
from nsorch.images.errors import ImageError
from nsorch.images.layout import CHUNK, CONTAINERD_NAME, REF_NAME, Layout, digest_of, digest_of_file
from nsorch.images.reference import Reference
from nsorch.images.unpack import UnpackError

MAX_MEMBERS = 20_000
MAX_BYTES = 64 * 1024**3
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
"""uname -m to GOARCH, which images use."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Loaded:
    """One image whose blobs and layers are in the store; the daemon adds it to the index."""

    manifest: Descriptor
    references: tuple[str, ...]


def host_architecture() -> str:
    return ARCHITECTURES.get(platform.machine(), platform.machine())


def load(layout: Layout, path: Path, tag: str | None, progress: Progress) -> list[Loaded]:
    """Bring every image of ``path`` for this machine into the store.

    ``tag`` names the image where the archive does not (or adds a name where it does). ``ImageError`` with reason
    ErrImageLoad says what is wrong with the archive.
    """
    name = str(Reference.parse(tag)) if tag else None
    try:
        with layout.scratch("load-") as scratch:
            source = _open(path, scratch, progress)
            found = source.images()
            if name and len(found) > 1:
                raise DocumentError(f"it holds {len(found)} images: they cannot all be named {tag}")
            loaded = []
            for image in found:
                names = [*image.names, name] if name and name not in image.names else image.names
                if not names:
                    raise DocumentError("the image in it has no name: give one with --tag NAME")
                loaded.append(_store(layout, source, image.manifest, image.raw, names, progress))
            return loaded
    except (DocumentError, UnpackError, tarfile.TarError, *compression.DECODE_ERRORS) as error:
        text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ImageError("ErrImageLoad", f"cannot load {path}: {text}") from error


@dataclass(slots=True)
class _Found:
    manifest: Manifest
    raw: bytes
    names: list[str]


def _store(
    layout: Layout, source: _Source, manifest: Manifest, raw: bytes, names: list[str], progress: Progress
) -> Loaded:
    config_raw = source.document(manifest.config.digest)
    document = ImageDocument.parse(config_raw)
    if len(document.diff_ids) != len(manifest.layers):
        raise DocumentError(
            f"the config lists {len(document.diff_ids)} layers, the manifest {len(manifest.layers)}: "
            "they do not belong together"
        )
    for number, (layer, diff_id) in enumerate(zip(manifest.layers, document.diff_ids, strict=True), 1):
        progress(f"{Reference.parse(names[0]).familiar}: layer {number}/{len(manifest.layers)} {diff_id[7:19]}")
        if layout.has_layer(diff_id) and layout.blob(layer.digest).exists():
            continue
        blob = source.blob(layer.digest, layer.size)
        layout.unpack_layer(blob, diff_id)
        source.give(layout, layer.digest)
    layout.add_blob(config_raw)
    digest = layout.add_blob(raw)
    media_type = parse_json(raw, "manifest").get("mediaType")
    if media_type not in MANIFEST_TYPES:
        media_type = OCI_MANIFEST  # the field is optional
    return Loaded(Descriptor(media_type, digest, len(raw)), tuple(names))


class _Source:
    """Members of an archive by name, blobs by digest; every digest was computed here, none is believed."""

    def __init__(self, folder: Path, files: dict[str, Path], digests: dict[str, Path], *, movable: bool) -> None:
        self.folder = folder
        self.files = files
        self.digests = digests
        self.movable = movable

    def images(self) -> list[_Found]:
        names_by_config = self._docker_names() if "manifest.json" in self.files else {}
        if "index.json" in self.files and "oci-layout" in self.files:
            return self._oci_images(names_by_config)
        if "manifest.json" in self.files:
            return self._docker_images()
        raise DocumentError("neither a docker archive (manifest.json) nor an OCI layout (oci-layout, index.json)")

    # OCI

    def _oci_images(self, names_by_config: dict[str, list[str]]) -> list[_Found]:
        index = parse_json(_read(self.files["index.json"], "index.json"), "index.json")
        images = [
            image
            for i, entry in enumerate(_as_list(index.get("manifests"), "index.json: manifests"))
            for image in self._entry(Descriptor.read(entry, f"index.json: manifests[{i}]"), [], 0)
        ]
        if not images:
            raise DocumentError("its index names no image for this machine")
        by_digest: dict[str, _Found] = {}
        for image in images:
            if not image.names:
                image.names = list(names_by_config.get(image.manifest.config.digest, []))
            known = by_digest.setdefault(digest_of(image.raw), image)
            known.names.extend(name for name in image.names if name not in known.names)
        return list(by_digest.values())

    def _entry(self, entry: Descriptor, inherited: list[str], depth: int) -> Iterator[_Found]:
        names = _names(entry) or inherited
        if entry.media_type in MANIFEST_TYPES:
            raw = self.document(entry.digest)
            yield _Found(Manifest.parse(raw), raw, list(names))
        elif entry.media_type in INDEX_TYPES:
            if depth > 3:
                raise DocumentError("indexes are nested too deep")
            inner = parse_json(self.document(entry.digest), entry.digest)
            entries = [
                Descriptor.read(item, f"{entry.digest}: manifests[{i}]")
                for i, item in enumerate(_as_list(inner.get("manifests"), f"{entry.digest}: manifests"))
            ]
            wanted = ("linux", host_architecture())
            matching = [item for item in entries if item.platform == wanted]
            if not matching and len(entries) == 1 and entries[0].platform is None:
                matching = entries
            if not matching:
                offered = ", ".join("/".join(item.platform) for item in entries if item.platform) or "nothing"
                raise DocumentError(f"it has no image for {'/'.join(wanted)}, only for {offered}")
            yield from self._entry(matching[0], names, depth + 1)
        else:
            raise DocumentError(f"its index names a blob of the unknown type {entry.media_type!r}")

    # docker save

    def _docker_entries(self) -> list[dict[str, Any]]:
        raw = _read(self.files["manifest.json"], "manifest.json")
        # parse_json wants an object, and docker's file is a list
        entries = _as_list(parse_json(b'{"list":' + raw + b"}", "manifest.json").get("list"), "manifest.json")
        for i, entry in enumerate(entries):
            if not isinstance(entry, dict) or not isinstance(entry.get("Config"), str):
                raise DocumentError(f"manifest.json[{i}]: names no config")
        return entries

    def _docker_names(self) -> dict[str, list[str]]:
        names: dict[str, list[str]] = {}
        for entry in self._docker_entries():
            config = self.files.get(entry["Config"])
            if config is not None:
                names.setdefault(digest_of_file(config), []).extend(_docker_tags(entry))
        return names

    def _docker_images(self) -> list[_Found]:
        images = []
        for i, entry in enumerate(self._docker_entries()):
            config = self._member(entry["Config"], f"manifest.json[{i}].Config")
            layers = []
            for j, member in enumerate(_as_list(entry.get("Layers"), f"manifest.json[{i}].Layers")):
                path = self._member(member, f"manifest.json[{i}].Layers[{j}]")
                media_type = OCI_LAYER + compression.media_suffix(path)
                layers.append(Descriptor(media_type, self._digest(path), path.stat().st_size))
            raw_config = _read(config, entry["Config"])
            manifest = Manifest(Descriptor(OCI_CONFIG, digest_of(raw_config), len(raw_config)), tuple(layers))
            images.append(_Found(manifest, manifest.to_bytes(), _docker_tags(entry)))
        if not images:
            raise DocumentError("manifest.json names no image")
        return images

    def _member(self, name: Any, where: str) -> Path:
        path = self.files.get(name) if isinstance(name, str) else None
        if path is None:
            raise DocumentError(f"{where}: the archive has no member {name!r}: is it cut off?")
        return path

    def _digest(self, path: Path) -> str:
        return next((digest for digest, known in self.digests.items() if known == path), "") or digest_of_file(path)

    # blobs

    def document(self, digest: str) -> bytes:
        return _read(self.blob(digest, None), digest)

    def blob(self, digest: str, size: int | None) -> Path:
        path = self.digests.get(digest)
        if path is None:
            named = self.files.get("blobs/" + digest.replace(":", "/"))
            if named is None:
                raise DocumentError(f"the blob {digest} is missing: is it cut off?")
            actual = digest_of_file(named)
            if actual != digest:
                raise DocumentError(f"the blob {digest} is damaged: its content has the digest {actual}")
            self.digests[digest] = path = named
        if size is not None and path.stat().st_size != size:
            raise DocumentError(f"the blob {digest} has {path.stat().st_size} bytes, not {size}")
        return path

    def give(self, layout: Layout, digest: str) -> None:
        """Put a verified layer blob into the store: by a link, so that several images of one archive can share it."""
        if layout.blob(digest).exists():
            return
        path = self.digests[digest]
        copy = self.folder / f"give-{digest[7:]}"
        if self.movable:
            os.link(path, copy)
        else:
            with path.open("rb") as source, copy.open("wb") as out:
                _copy(source, out, MAX_BYTES)
            if digest_of_file(copy) != digest:
                raise DocumentError(f"the blob {digest} changed while it was read")
        layout.adopt_blob(copy, digest)


def _open(path: Path, scratch: Path, progress: Progress) -> _Source:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise DocumentError(error.strerror or str(error)) from error
    if stat.S_ISDIR(mode):
        return _open_folder(path, scratch)
    if not stat.S_ISREG(mode):
        raise DocumentError("neither a file nor a folder")
    progress(f"reading {path.name}")
    return _open_archive(path, scratch)


def _open_folder(path: Path, scratch: Path) -> _Source:
    files = {name: path / name for name in ("oci-layout", "index.json") if _is_plain(path / name)}
    blobs = path / "blobs" / "sha256"
    if blobs.is_dir():
        files.update({f"blobs/sha256/{entry.name}": entry for entry in blobs.iterdir() if _is_plain(entry)})
    return _Source(scratch, files, {}, movable=False)


def _open_archive(path: Path, scratch: Path) -> _Source:
    files: dict[str, Path] = {}
    digests: dict[str, Path] = {}
    aliases: dict[str, str] = {}
    total = 0
    with _plain_archive(path) as archive:
        number = 0
        while (member := archive.next()) is not None:
            archive.members = []  # type: ignore[attr-defined]  # keep memory flat
            number += 1
            if number > MAX_MEMBERS:
                raise DocumentError(f"more than {MAX_MEMBERS} members")
            name = os.path.normpath(member.name)
            if member.issym() or member.islnk():
                # old versions of docker save link equal layers to each other
                base = os.path.dirname(name) if member.issym() else ""
                aliases[name] = os.path.normpath(os.path.join(base, member.linkname))
                continue
            if not member.isreg():
                continue
            total += member.size
            if total > MAX_BYTES:
                raise DocumentError(f"more than {MAX_BYTES} bytes")
            source = archive.extractfile(member)
            assert source is not None
            target = scratch / f"member-{number}"
            with target.open("xb") as out:
                written = _copy(source, out, member.size)  # type: ignore[arg-type]
            if written != member.size:
                raise DocumentError(f'it is cut off in "{member.name}"')
            digest = digest_of_file(target)
            match = re.fullmatch(r"blobs/sha256/([a-f0-9]{64})", name)
            if match and digest != f"sha256:{match[1]}":
                raise DocumentError(f"the blob sha256:{match[1]} is damaged: its content has the digest {digest}")
            files[name] = target
            digests[digest] = target
    for name, target_name in aliases.items():
        for _ in range(3):
            target_name = aliases.get(target_name, target_name)
        if target_name in files:
            files.setdefault(name, files[target_name])
    return _Source(scratch, files, digests, movable=True)


@contextmanager
def _plain_archive(path: Path) -> Iterator[tarfile.TarFile]:
    with (
        compression.decompressed(path) as plain,
        tarfile.open(fileobj=plain, mode="r|", errors="surrogateescape") as tar,
    ):
        yield tar


def _names(entry: Descriptor) -> list[str]:
    """Normalised names that an index entry carries; a bare tag (``latest``) names nothing and is left out."""
    for key in (CONTAINERD_NAME, REF_NAME):
        text = entry.annotations.get(key, "")
        if ":" in text or "/" in text:
            return [_reference(text)]
    return []


def _docker_tags(entry: dict[str, Any]) -> list[str]:
    return [_reference(str(tag)) for tag in _as_list(entry.get("RepoTags"), "RepoTags")]


def _reference(text: str) -> str:
    try:
        return str(Reference.parse(text))
    except ImageError as error:
        raise DocumentError(error.message) from error


def _read(path: Path, name: str) -> bytes:
    with path.open("rb") as file:
        raw = file.read(MAX_DOCUMENT + 1)
    if len(raw) > MAX_DOCUMENT:
        raise DocumentError(f"{name}: more than {MAX_DOCUMENT} bytes")
    return raw


def _copy(source: BinaryIO, out: BinaryIO, limit: int) -> int:
    copied = 0
    while copied < limit and (chunk := source.read(min(CHUNK, limit - copied))):
        out.write(chunk)
        copied += len(chunk)
    return copied


def _is_plain(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def _as_list(data: Any, where: str) -> list[Any]:
    if data is None:
        return []
    if not isinstance(data, list):
        raise DocumentError(f"{where}: must be a list")
    return data
