"""Hand-made layers and archives for the image tests."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nsorch.images.config import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST
from nsorch.images.load import host_architecture


def entry(name: str, data: bytes = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    """One tar member; ``fields`` are attributes of TarInfo (``type``, ``linkname``, ``mode``...)."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mode = 0o644
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def folder(name: str, **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, type=tarfile.DIRTYPE, **{"mode": 0o755, **fields})


def link(name: str, target: str, *, hard: bool = False) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, type=tarfile.LNKTYPE if hard else tarfile.SYMTYPE, linkname=target)


def tar(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, data in entries:
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def digest(raw: bytes) -> str:
    return "sha256:" + hashlib.sha256(raw).hexdigest()


def config(layers: Iterable[bytes], **settings: Any) -> bytes:
    return json.dumps(
        {
            "architecture": host_architecture(),
            "os": "linux",
            "config": settings,
            "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
        }
    ).encode()


def docker_archive(path: Path, layers: list[bytes], tags: list[str], **settings: Any) -> Path:
    """What ``docker save`` writes."""
    raw = config(layers, **settings)
    names = [f"{number}/layer.tar" for number, _ in enumerate(layers)]
    files = {digest(raw)[7:] + ".json": raw, **dict(zip(names, layers, strict=True))}
    files["manifest.json"] = json.dumps(
        [{"Config": digest(raw)[7:] + ".json", "RepoTags": tags, "Layers": names}]
    ).encode()
    return write_archive(path, files)


def oci_files(layers: list[bytes], name: str, *, compress: bool = True, **settings: Any) -> dict[str, bytes]:
    """The members of an OCI archive with one image."""
    raw = config(layers, **settings)
    blobs = [gzip.compress(layer, 1, mtime=0) if compress else layer for layer in layers]
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {"mediaType": OCI_CONFIG, "digest": digest(raw), "size": len(raw)},
            "layers": [
                {"mediaType": OCI_LAYER + "+gzip" * compress, "digest": digest(blob), "size": len(blob)}
                for blob in blobs
            ],
        }
    ).encode()
    index = {
        "schemaVersion": 2,
        "manifests": [
            {
                "mediaType": OCI_MANIFEST,
                "digest": digest(manifest),
                "size": len(manifest),
                "annotations": {"org.opencontainers.image.ref.name": name},
            }
        ],
    }
    files = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}', "index.json": json.dumps(index).encode()}
    for blob in (raw, manifest, *blobs):
        files[f"blobs/sha256/{digest(blob)[7:]}"] = blob
    return files


def write_archive(path: Path, files: Mapping[str, bytes]) -> Path:
    path.write_bytes(tar(*(entry(name, data) for name, data in files.items())))
    return path
