"""Fields that no model knows and keys that come twice: for ``fieldValidation`` Strict and Warn."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from nsorch.resources.shapes import shapes


class _Repeated(dict[str, Any]):
    """A JSON object in which some keys came more than once."""

    keys_again: list[str]


def load_json(raw: bytes) -> tuple[Any, list[str]]:
    """The data of a JSON document, and the paths of keys that came twice in one object (the last value counts).

    json.JSONDecodeError if it is no JSON; UnicodeDecodeError if it is no UTF-8.
    """
    repeated = False

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeated
        document = dict(found)
        if len(document) == len(found):
            return document
        repeated = True
        marked = _Repeated(document)
        seen: set[str] = set()
        marked.keys_again = list(dict.fromkeys(key for key, _ in found if key in seen or seen.add(key)))  # type: ignore[func-returns-value]
        return marked

    data = json.loads(raw, object_pairs_hook=pairs)
    return data, list(_repeated_paths(data, "")) if repeated else []


def unknown_fields(model: type[BaseModel], data: Any, path: str = "") -> list[str]:
    """Paths of the fields in ``data`` that ``model`` does not have: ``spec.containers[0].imagePullPolcy``.

    ``path`` is where ``data`` stands."""
    return list(_unknown(model, data, path))


def strict_messages(unknown: list[str], duplicates: list[str]) -> list[str]:
    """The words of Kubernetes: ``duplicate field "a.b"``, ``unknown field "c"``; for errors and for warnings."""
    return [f'duplicate field "{path}"' for path in duplicates] + [f'unknown field "{path}"' for path in unknown]


def _unknown(model: type[BaseModel], data: Any, path: str) -> Iterator[str]:
    if not isinstance(data, dict):
        return
    known = shapes(model)
    for key, value in data.items():
        here = f"{path}.{key}" if path else key
        shape = known.get(key)
        if shape is None:
            yield here
        elif shape.model is None:
            continue
        elif shape.container == "list" and isinstance(value, list):
            for index, item in enumerate(value):
                yield from _unknown(shape.model, item, f"{here}[{index}]")
        elif shape.container == "map" and isinstance(value, dict):
            for name, item in value.items():
                yield from _unknown(shape.model, item, f"{here}.{name}")
        elif not shape.container:
            yield from _unknown(shape.model, value, here)


def _repeated_paths(data: Any, path: str) -> Iterator[str]:
    if isinstance(data, dict):
        if isinstance(data, _Repeated):
            yield from (f"{path}.{key}" if path else key for key in data.keys_again)
        for key, value in data.items():
            yield from _repeated_paths(value, f"{path}.{key}" if path else key)
    elif isinstance(data, list):
        for index, item in enumerate(data):
            yield from _repeated_paths(item, f"{path}[{index}]")
