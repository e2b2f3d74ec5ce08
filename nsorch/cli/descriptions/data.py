"""ConfigMaps and Secrets in words; what a Secret holds is not shown."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from nsorch.cli.descriptions.text import NONE, Object, field, head
from nsorch.cli.options import Session


def config_map(_: Session, obj: Object) -> Iterator[str]:
    yield from head(obj)
    if obj.get("immutable"):
        yield field("Immutable", "true")
    if not obj.get("data") and not obj.get("binaryData"):
        yield field("Data", "")
        return
    yield "Data:"
    for key, text in sorted((obj.get("data") or {}).items()):
        if "\n" not in text:
            yield field(key, text, depth=1)
            continue
        yield f"  {key}: |"
        for line in text.splitlines():
            yield f"    {line}"
    for key, text in sorted((obj.get("binaryData") or {}).items()):
        yield field(key, f"{_size(text)} bytes", depth=1)


def secret(_: Session, obj: Object) -> Iterator[str]:
    yield from head(obj)
    yield field("Type", obj.get("type"))
    if obj.get("immutable"):
        yield field("Immutable", "true")
    yield "Data:" if obj.get("data") else field("Data", NONE)
    for key, text in sorted((obj.get("data") or {}).items()):
        yield field(key, f"{_size(text)} bytes", depth=1)


def _size(text: str) -> int:
    try:
        return len(base64.b64decode(text))
    except binascii.Error:
        return len(text)
