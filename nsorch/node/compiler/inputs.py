"""Everything the compiler reads, beside the Pod itself."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from nsorch.node.compiler.failures import ConfigError
from nsorch.node.ports import Image
from nsorch.node.settings import NodeSettings
from nsorch.resources.config import ConfigMap, Secret
from nsorch.resources.service import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Why a container may not start yet; becomes its ``waiting`` reason and message."""

    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The Pod's world at the moment of compiling: its namespace's objects, its addresses, the node."""

    settings: NodeSettings
    config_map: Callable[[str], ConfigMap | None]
    secret: Callable[[str], Secret | None]
    services: Sequence[Service] = ()
    """Services of the Pod's namespace, and ``default/kubernetes``."""
    address: str = ""
    """The Pod's address ("" while it has none; the node's with hostNetwork)."""
    images: Mapping[str, Image | Hold] = field(default_factory=dict)
    """By container name: the image to run, or why there is none yet."""


def config_map_value(config_map: ConfigMap, key: str) -> bytes | None:
    """A key of ``data`` or ``binaryData``."""
    if config_map.data and key in config_map.data:
        return config_map.data[key].encode()
    if config_map.binaryData and key in config_map.binaryData:
        return _decode(config_map.binaryData[key], "ConfigMap", config_map.name, key)
    return None


def config_map_items(config_map: ConfigMap) -> dict[str, bytes]:
    """All keys of ``data`` and ``binaryData``."""
    items = {key: value.encode() for key, value in (config_map.data or {}).items()}
    for key, value in (config_map.binaryData or {}).items():
        items[key] = _decode(value, "ConfigMap", config_map.name, key)
    return items


def secret_value(secret: Secret, key: str) -> bytes | None:
    """A key of ``data``, decoded."""
    value = (secret.data or {}).get(key)
    return None if value is None else _decode(value, "Secret", secret.name, key)


def secret_items(secret: Secret) -> dict[str, bytes]:
    """All keys of ``data``, decoded."""
    return {key: _decode(value, "Secret", secret.name, key) for key, value in (secret.data or {}).items()}


def _decode(value: str | bytes, kind: str, name: str, key: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ConfigError(f'cannot read key "{key}" of {kind} "{name}": {error}', (kind, name)) from error
