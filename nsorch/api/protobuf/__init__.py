"""Request bodies in protobuf, which Go clients (kubectl's own ``create`` and ``auth`` among them) send for built-in kinds.

Only reading: answers are JSON, which the same clients accept as their second choice. A body is the magic number, then
``runtime.Unknown``: the type, and the object's own message. ``schema.json`` is written by ``scripts/protobuf-schema``.
Source: k8s.io/apimachinery ``pkg/runtime/serializer/protobuf`` and ``pkg/runtime/generated.proto``.
"""

from __future__ import annotations

from typing import Any

from nsorch.api.protobuf.decode import message
from nsorch.api.protobuf.wire import WireError, fields

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\x00"

__all__ = ["MAGIC", "MEDIA_TYPE", "WireError", "decode"]


def decode(body: bytes) -> dict[str, Any]:
    """The document of a body; WireError (a ValueError) if it cannot be read."""
    if not body.startswith(MAGIC):
        raise WireError("the body does not begin with the magic number k8s\\0")
    type_meta = raw = b""
    for number, value in fields(body[len(MAGIC) :]):
        if number == 1 and isinstance(value, bytes):
            type_meta = value
        elif number == 2 and isinstance(value, bytes):
            raw = value
        elif number == 3 and value:
            raise WireError("the object's encoding is not supported")
    parts = {number: value.decode(errors="replace") for number, value in fields(type_meta) if isinstance(value, bytes)}
    api_version, kind = parts.get(1, ""), parts.get(2, "")
    return {"apiVersion": api_version, "kind": kind} | message(_message_name(api_version, kind), raw)


def _message_name(api_version: str, kind: str) -> str:
    """``api.apps.v1.Deployment`` of ``apps/v1`` and ``Deployment``."""
    if kind in ("DeleteOptions", "Status"):  # the same in every group version
        return f"meta.v1.{kind}"
    group, _, version = api_version.rpartition("/")
    return f"api.{group.partition('.')[0] or 'core'}.{version}.{kind}"
