"""The columns of a custom kind: ``additionalPrinterColumns``.

Source: k8s.io/apiextensions-apiserver ``pkg/registry/customresource/tableconvertor/tableconvertor.go``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from nsorch.resources import columns
from nsorch.resources.ages import since
from nsorch.resources.custom import jsonpath
from nsorch.resources.custom.object import CustomObject
from nsorch.resources.definition import CustomResourceColumnDefinition
from nsorch.resources.registry import Column


def columns_of(definitions: Sequence[CustomResourceColumnDefinition]) -> tuple[Column[Any], ...]:
    """The name, then the defined columns; the age where none is defined."""
    if not definitions:
        return (columns.NAME, columns.AGE)
    return (columns.NAME, *(_column(one) for one in definitions))


def _column(definition: CustomResourceColumnDefinition) -> Column[Any]:
    return Column(
        definition.name,
        _cell(definition),
        type=definition.type,
        format=definition.format or "",
        priority=definition.priority or 0,
        description=definition.description
        or f"Custom resource definition column (in JSONPath format): {definition.jsonPath}",
    )


def _cell(definition: CustomResourceColumnDefinition) -> Callable[[CustomObject, float], Any]:
    path, kind = definition.jsonPath, definition.type

    def cell(obj: CustomObject, now: float) -> Any:
        found = jsonpath.find(path, _document(obj, path))
        return _shown(found, kind, now) if found else None

    return cell


def _document(obj: CustomObject, path: str) -> dict[str, Any]:
    document: dict[str, Any] = {"apiVersion": obj.apiVersion, "kind": obj.kind, **obj.content}
    if "metadata" in path or ".." in path or "*" in path:
        document["metadata"] = obj.metadata.to_dict()
    return document


def _shown(found: list[Any], kind: str, now: float) -> Any:
    value = found[0]
    match kind:
        case "date":
            if not isinstance(value, str):
                return None if value is None else "<invalid>"
            try:
                return since(value, now)
            except ValueError:
                return "<invalid>"
        case "string":
            return " ".join(_text(one) for one in found if one is not None) if len(found) > 1 else _maybe(value)
        case "integer":
            return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        case "number":
            return value if isinstance(value, int | float) and not isinstance(value, bool) else None
        case "boolean":
            return value if isinstance(value, bool) else None
    return None


def _maybe(value: Any) -> str | None:
    return None if value is None else _text(value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
