"""ConfigMap and Secret: data that Pods read as files and environment variables."""

from __future__ import annotations

from typing import ClassVar

from nsorch.resources.meta import Resource
from nsorch.resources.scalars import Base64


class ConfigMap(Resource):
    """Configuration that Pods read as files or environment variables."""

    GROUP_VERSION: ClassVar[str] = "v1"
    KIND: ClassVar[str] = "ConfigMap"

    binaryData: dict[str, Base64] | None = None
    """Bytes by key, as base64 text."""
    data: dict[str, str] | None = None
    """Text by key; keys consist of letters, digits, -, _ and dots."""
    immutable: bool | None = None
    """Whether the data can never change again."""


class Secret(Resource):
    """Confidential data, at most 1 MiB, that Pods read as files or environment variables."""

    GROUP_VERSION: ClassVar[str] = "v1"
    KIND: ClassVar[str] = "Secret"

    data: dict[str, Base64] | None = None
    """Values by key, as base64 text."""
    immutable: bool | None = None
    """Whether the data can never change again."""
    stringData: dict[str, str] | None = None
    """Values by key as plain text; written into data, never read back."""
    type: str | None = None
    """What the data is for. Defaults to Opaque."""
