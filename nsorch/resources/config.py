"""ConfigMap and Secret: data that Pods read as files and environment variables."""

from __future__ import annotations

from typing import ClassVar

from nsorch.resources.meta import Resource
from nsorch.resources.scalars import Base64


class ConfigMap(Resource):
    """``ConfigMap``."""

    GROUP_VERSION: ClassVar[str] = "v1"
    KIND: ClassVar[str] = "ConfigMap"

    binaryData: dict[str, Base64] | None = None
    data: dict[str, str] | None = None
    immutable: bool | None = None


class Secret(Resource):
    """``Secret``."""

    GROUP_VERSION: ClassVar[str] = "v1"
    KIND: ClassVar[str] = "Secret"

    data: dict[str, Base64] | None = None
    immutable: bool | None = None
    stringData: dict[str, str] | None = None
    type: str | None = None
