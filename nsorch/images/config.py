"""The OCI image config, manifest and descriptor, read strictly: what comes from an archive is not trusted.

Sources: OCI image-spec ``config.md``, ``manifest.md``, ``descriptor.md``; Docker's older media types mean the same.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEX_TYPES = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFEST_TYPES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})

MAX_DOCUMENT = 8 * 1024 * 1024
"""Bytes; a bigger manifest, index or config is refused (registries allow 4 MiB)."""
MAX_LAYERS = 500
"""overlayfs of this age takes about that many lower folders; Docker itself stops at 127."""

_DIGEST = re.compile(r"sha256:[a-f0-9]{64}")


class DocumentError(ValueError):
    """A JSON document that is not what it should be; the text says where."""


@dataclass(frozen=True, slots=True)
class Descriptor:
    """Points at a blob."""

    media_type: str
    digest: str
    size: int
    annotations: dict[str, str] = field(default_factory=dict)
    platform: tuple[str, str] | None = None
    """(os, architecture), in indexes."""

    @classmethod
    def read(cls, data: Any, where: str) -> Descriptor:
        obj = _object(data, where)
        digest = _string(obj, "digest", where)
        if not _DIGEST.fullmatch(digest):
            raise DocumentError(f'{where}.digest: "{digest}" is not a sha256 digest')
        size = obj.get("size")
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise DocumentError(f"{where}.size: must be a number of bytes, not {size!r}")
        platform = obj.get("platform")
        if platform is not None:
            platform = _object(platform, f"{where}.platform")
        return cls(
            media_type=_string(obj, "mediaType", where, default=""),
            digest=digest,
            size=size,
            annotations=_string_map(obj.get("annotations"), f"{where}.annotations"),
            platform=(str(platform.get("os", "")), str(platform.get("architecture", ""))) if platform else None,
        )

    def plain(self) -> dict[str, Any]:
        """As JSON-like data."""
        data: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        if self.annotations:
            data["annotations"] = dict(sorted(self.annotations.items()))
        if self.platform:
            data["platform"] = {"os": self.platform[0], "architecture": self.platform[1]}
        return data


@dataclass(frozen=True, slots=True)
class Manifest:
    """One image of one platform: its config and its layers, lowest first."""

    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, raw: bytes) -> Manifest:
        data = parse_json(raw, "manifest")
        layers = _list(data.get("layers"), "manifest.layers")
        if len(layers) > MAX_LAYERS:
            raise DocumentError(f"manifest.layers: {len(layers)} layers, at most {MAX_LAYERS} can be mounted")
        return cls(
            Descriptor.read(data.get("config"), "manifest.config"),
            tuple(Descriptor.read(layer, f"manifest.layers[{i}]") for i, layer in enumerate(layers)),
            _string_map(data.get("annotations"), "manifest.annotations"),
        )

    def to_bytes(self) -> bytes:
        data: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": self.config.plain(),
            "layers": [layer.plain() for layer in self.layers],
        }
        if self.annotations:
            data["annotations"] = dict(sorted(self.annotations.items()))
        return canonical(data)


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """How to run the image: the ``config`` part of the OCI image config."""

    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    """``NAME=VALUE`` each."""
    working_dir: str = ""
    user: str = ""
    stop_signal: str = ""
    """As written: ``SIGQUIT``, ``QUIT`` or ``3``; "" means SIGTERM."""
    exposed_ports: tuple[str, ...] = ()
    """``80/tcp`` each."""
    labels: dict[str, str] = field(default_factory=dict)
    volumes: tuple[str, ...] = ()
    shell: tuple[str, ...] = ()
    """Docker's extension: the shell of RUN, CMD and ENTRYPOINT in shell form."""

    @classmethod
    def read(cls, data: Any) -> ImageConfig:
        obj = _object(data if data is not None else {}, "config.config")

        def strings(name: str) -> tuple[str, ...]:
            items = _list(obj.get(name), f"config.config.{name}")
            return tuple(_text(item, f"config.config.{name}[{i}]") for i, item in enumerate(items))

        def keys(name: str) -> tuple[str, ...]:
            return tuple(sorted(_object(obj.get(name) or {}, f"config.config.{name}")))

        config = cls(
            entrypoint=strings("Entrypoint"),
            cmd=strings("Cmd"),
            env=strings("Env"),
            working_dir=_string(obj, "WorkingDir", "config.config", default=""),
            user=_string(obj, "User", "config.config", default=""),
            stop_signal=_string(obj, "StopSignal", "config.config", default=""),
            exposed_ports=keys("ExposedPorts"),
            labels=_string_map(obj.get("Labels"), "config.config.Labels"),
            volumes=keys("Volumes"),
            shell=strings("Shell"),
        )
        for item in (*config.env, *config.entrypoint, *config.cmd, config.working_dir, config.user):
            if "\0" in item:
                raise DocumentError("config.config: a value contains a NUL byte")
        return config

    def plain(self) -> dict[str, Any]:
        """As JSON-like data under the names of the specification; empty parts left out."""
        data = {
            "User": self.user,
            "ExposedPorts": {port: {} for port in self.exposed_ports},
            "Env": list(self.env),
            "Entrypoint": list(self.entrypoint),
            "Cmd": list(self.cmd),
            "Volumes": {path: {} for path in self.volumes},
            "WorkingDir": self.working_dir,
            "Labels": dict(sorted(self.labels.items())),
            "StopSignal": self.stop_signal,
            "Shell": list(self.shell),
        }
        return {name: value for name, value in data.items() if value}


@dataclass(frozen=True, slots=True)
class History:
    """One step of how the image came to be."""

    created_by: str = ""
    created: str = ""
    comment: str = ""
    empty_layer: bool = False

    def plain(self) -> dict[str, Any]:
        data: dict[str, Any] = {"created": self.created, "created_by": self.created_by, "comment": self.comment}
        if self.empty_layer:
            data["empty_layer"] = True
        return {name: value for name, value in data.items() if value}


@dataclass(frozen=True, slots=True)
class ImageDocument:
    """The whole config blob; its digest is the image's ID."""

    config: ImageConfig
    diff_ids: tuple[str, ...]
    """Digest of each layer's uncompressed tar, lowest first."""
    architecture: str = ""
    os: str = "linux"
    created: str = ""
    history: tuple[History, ...] = ()

    @classmethod
    def parse(cls, raw: bytes) -> ImageDocument:
        data = parse_json(raw, "config")
        rootfs = _object(data.get("rootfs"), "config.rootfs")
        diff_ids = tuple(
            _text(item, f"config.rootfs.diff_ids[{i}]")
            for i, item in enumerate(_list(rootfs.get("diff_ids"), "config.rootfs.diff_ids"))
        )
        for i, diff_id in enumerate(diff_ids):
            if not _DIGEST.fullmatch(diff_id):
                raise DocumentError(f'config.rootfs.diff_ids[{i}]: "{diff_id}" is not a sha256 digest')
        history = []
        for i, item in enumerate(_list(data.get("history"), "config.history")):
            entry = _object(item, f"config.history[{i}]")
            history.append(
                History(
                    _string(entry, "created_by", "config.history", default=""),
                    _string(entry, "created", "config.history", default=""),
                    _string(entry, "comment", "config.history", default=""),
                    entry.get("empty_layer") is True,
                )
            )
        return cls(
            config=ImageConfig.read(data.get("config")),
            diff_ids=diff_ids,
            architecture=_string(data, "architecture", "config", default=""),
            os=_string(data, "os", "config", default="linux"),
            created=_string(data, "created", "config", default=""),
            history=tuple(history),
        )

    def to_bytes(self) -> bytes:
        data: dict[str, Any] = {
            "architecture": self.architecture,
            "os": self.os,
            "config": self.config.plain(),
            "rootfs": {"type": "layers", "diff_ids": list(self.diff_ids)},
            "history": [entry.plain() for entry in self.history],
        }
        if self.created:
            data["created"] = self.created
        return canonical(data)


def canonical(data: Any) -> bytes:
    """JSON with one spelling, so that equal documents have equal digests."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def parse_json(raw: bytes, where: str) -> dict[str, Any]:
    """A JSON object of bounded size; ``DocumentError`` if it is none."""
    if len(raw) > MAX_DOCUMENT:
        raise DocumentError(f"{where}: {len(raw)} bytes, more than the {MAX_DOCUMENT} allowed")
    try:
        return _object(json.loads(raw), where)
    except (ValueError, RecursionError) as error:
        if isinstance(error, DocumentError):
            raise
        raise DocumentError(f"{where}: not JSON: {error}") from error


def _object(data: Any, where: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise DocumentError(f"{where}: must be an object, not {type(data).__name__}")
    return data


def _list(data: Any, where: str) -> list[Any]:
    if data is None:
        return []
    if not isinstance(data, list):
        raise DocumentError(f"{where}: must be a list, not {type(data).__name__}")
    return data


def _text(data: Any, where: str) -> str:
    if not isinstance(data, str):
        raise DocumentError(f"{where}: must be a string, not {type(data).__name__}")
    return data


def _string(obj: dict[str, Any], name: str, where: str, default: str | None = None) -> str:
    value = obj.get(name)
    if value is None and default is not None:
        return default
    return _text(value, f"{where}.{name}")


def _string_map(data: Any, where: str) -> dict[str, str]:
    return {key: _text(value, f"{where}[{key}]") for key, value in _object(data or {}, where).items()}
