"""An object of any kind in words: its fields as a tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from nsorch.cli.descriptions.text import Object, conditions, field, head
from nsorch.cli.options import Session

SHOWN = ("apiVersion", "kind", "metadata")


def lines(_: Session, obj: Object) -> Iterator[str]:
    yield from head(obj)
    rest = {title(k): v for k, v in obj.items() if k not in SHOWN}
    if isinstance(rest.get("Status"), dict):
        rest["Status"] = {k: v for k, v in rest["Status"].items() if k != "conditions"}
        if not rest["Status"]:
            del rest["Status"]
    yield from tree(rest, 0)
    yield from conditions(obj)


def tree(value: Object, depth: int) -> Iterator[str]:
    pad = "  " * depth
    for key, inner in value.items():
        if isinstance(inner, dict) and inner:
            yield f"{pad}{key}:"
            yield from tree({title(k): v for k, v in inner.items()} if depth < 1 else inner, depth + 1)
        elif isinstance(inner, list) and inner and isinstance(inner[0], dict):
            yield f"{pad}{key}:"
            for entry in inner:
                nested = list(tree(entry, depth + 2))
                yield f"{pad}  - {nested[0].strip()}" if nested else f"{pad}  - {{}}"
                yield from nested[1:]
        else:
            yield field(key, _plain(inner), depth=depth)


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value)
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value in ({}, None) else str(value)


def title(key: str) -> str:
    """``creationTimestamp`` as ``Creation Timestamp``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", key[:1].upper() + key[1:])
