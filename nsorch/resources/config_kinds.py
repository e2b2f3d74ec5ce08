"""The registry rows of ConfigMap and Secret: defaults, validation, columns.

Source: https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/
"""

from __future__ import annotations

import base64
import binascii
import json

from nsorch.resources import checks, columns, names
from nsorch.resources.config import ConfigMap, Secret
from nsorch.resources.meta_validation import validate_metadata, validate_metadata_update
from nsorch.resources.registry import Cause, Column, Kind

SIZE_LIMIT = 1024 * 1024
"""Bytes of all values of a ConfigMap or Secret."""

WHEN_IMMUTABLE = "field is immutable when `immutable` is set"

REQUIRED_KEYS = {
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
"""Keys that Secrets of a type must have."""


def default_secret(secret: Secret) -> None:
    """Type Opaque; ``stringData`` is a convenience for writing and becomes ``data``."""
    secret.type = secret.type or "Opaque"
    if secret.stringData:
        secret.data = dict(secret.data or {})
        for key, text in secret.stringData.items():
            secret.data[key] = base64.b64encode(text.encode()).decode()
    secret.stringData = None


def validate_config_map(config: ConfigMap) -> list[Cause]:
    """Everything wrong with a new ConfigMap."""
    return validate_metadata(config.metadata) + _config_map(config)


def validate_config_map_update(new: ConfigMap, old: ConfigMap) -> list[Cause]:
    """Everything wrong with a changed ConfigMap; an immutable one keeps its data."""
    causes = validate_metadata_update(new.metadata, old.metadata)
    if old.immutable:
        if not new.immutable:
            causes.append(checks.forbidden("immutable", WHEN_IMMUTABLE))
        for name in ("data", "binaryData"):
            if (getattr(new, name) or {}) != (getattr(old, name) or {}):
                causes.append(checks.forbidden(name, WHEN_IMMUTABLE))
    return causes + _config_map(new)


def validate_secret(secret: Secret) -> list[Cause]:
    """Everything wrong with a new Secret."""
    return validate_metadata(secret.metadata) + _secret(secret)


def validate_secret_update(new: Secret, old: Secret) -> list[Cause]:
    """Everything wrong with a changed Secret: its type never changes, an immutable one keeps its data."""
    causes = validate_metadata_update(new.metadata, old.metadata)
    causes += checks.immutable("type", new.type, old.type)
    if old.immutable:
        if not new.immutable:
            causes.append(checks.forbidden("immutable", WHEN_IMMUTABLE))
        if (new.data or {}) != (old.data or {}):
            causes.append(checks.forbidden("data", WHEN_IMMUTABLE))
    return causes + _secret(new)


def _config_map(config: ConfigMap) -> list[Cause]:
    causes: list[Cause] = []
    size = 0
    text, binary = config.data or {}, config.binaryData or {}
    for key, value in text.items():
        causes += checks.invalid_each(f"data[{key}]", key, names.config_key(key))
        if key in binary:
            causes.append(checks.invalid(f"data[{key}]", key, "duplicate of key present in binaryData"))
        size += len(value.encode())
    for key, value in binary.items():
        causes += checks.invalid_each(f"binaryData[{key}]", key, names.config_key(key))
        wrong, length = _decoded(f"binaryData[{key}]", value)
        causes += wrong
        size += length
    if size > SIZE_LIMIT:
        causes.append(checks.too_long("", SIZE_LIMIT))
    return causes


def _secret(secret: Secret) -> list[Cause]:
    causes: list[Cause] = []
    data = secret.data or {}
    size = 0
    for key, value in data.items():
        causes += checks.invalid_each(f"data[{key}]", key, names.config_key(key))
        wrong, length = _decoded(f"data[{key}]", value)
        causes += wrong
        size += length
    if size > SIZE_LIMIT:
        causes.append(checks.too_long("data", SIZE_LIMIT))
    for key in REQUIRED_KEYS.get(secret.type or "", ()):
        if key not in data:
            causes.append(checks.required(f"data[{key}]"))
    if secret.type == "kubernetes.io/basic-auth" and not {"username", "password"} & data.keys():
        causes += [checks.required("data[username]"), checks.required("data[password]")]
    if secret.type == "kubernetes.io/dockerconfigjson" and ".dockerconfigjson" in data and not causes:
        try:
            json.loads(base64.b64decode(data[".dockerconfigjson"]))
        except ValueError as error:
            causes.append(checks.invalid("data[.dockerconfigjson]", "<secret contents redacted>", str(error)))
    return causes


def _decoded(field: str, text: str) -> tuple[list[Cause], int]:
    """What is wrong with base64 text, and how many bytes it means."""
    try:
        return [], len(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError) as error:
        return [checks.invalid(field, "<contents redacted>", f"illegal base64 data: {error}")], 0


CONFIG_MAP_COLUMNS: tuple[Column[ConfigMap], ...] = (
    columns.NAME,
    Column(
        "Data",
        lambda obj, now: len(obj.data or {}) + len(obj.binaryData or {}),
        type="integer",
        description="Number of keys.",
    ),
    columns.AGE,
)

SECRET_COLUMNS: tuple[Column[Secret], ...] = (
    columns.NAME,
    Column("Type", lambda obj, now: obj.type, description="What the data is for."),
    Column("Data", lambda obj, now: len(obj.data or {}), type="integer", description="Number of keys."),
    columns.AGE,
)

CONFIG_MAP = Kind(
    model=ConfigMap,
    plural="configmaps",
    singular="configmap",
    short_names=("cm",),
    columns=CONFIG_MAP_COLUMNS,
    validate=validate_config_map,
    validate_update=validate_config_map_update,
)

SECRET = Kind(
    model=Secret,
    plural="secrets",
    singular="secret",
    columns=SECRET_COLUMNS,
    default=default_secret,
    validate=validate_secret,
    validate_update=validate_secret_update,
    fields={"type": lambda obj: obj.type or ""},
)
