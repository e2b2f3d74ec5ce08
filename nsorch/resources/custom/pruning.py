"""Pruning: fields that the schema does not name are dropped, unless it preserves them.

Source: k8s.io/apiextensions-apiserver ``pkg/apiserver/schema/pruning`` and ``.../defaulting/prunenulls.go``.
"""

from __future__ import annotations

from typing import Any

from nsorch.resources.custom.schema import (
    TYPE_META,
    Schema,
    additional,
    embedded,
    has_additional,
    items,
    nullable,
    preserves,
    properties,
)


def prune(document: dict[str, Any], schema: Schema) -> list[str]:
    """Drop unknown fields of a whole object in place; returns their paths (``spec.containers[0].nmae``)."""
    found: list[str] = []
    _object(document, schema, "", found, whole=True)
    return found


def prune_nulls(value: Any, schema: Schema | None) -> None:
    """Drop, in place, fields that are null though they may not be and have no default: they count as absent."""
    if schema is None:
        return
    if isinstance(value, dict):
        fields, rest = properties(schema), additional(schema)
        for name in list(value):
            inner = fields.get(name, rest)
            if inner is None:
                continue
            if value[name] is None and not nullable(inner):
                if inner.get("default") is None:
                    del value[name]
            else:
                prune_nulls(value[name], inner)
    elif isinstance(value, list):
        for item in value:
            prune_nulls(item, items(schema))


def _value(value: Any, schema: Schema | None, path: str, found: list[str]) -> None:
    if isinstance(value, dict):
        _object(value, schema, path, found)
    elif isinstance(value, list):
        inner = items(schema) if schema is not None else None
        if schema is not None and inner is None and preserves(schema):
            return
        for number, item in enumerate(value):
            _value(item, inner, f"{path}[{number}]", found)


def _object(value: dict[str, Any], schema: Schema | None, path: str, found: list[str], *, whole: bool = False) -> None:
    fields = properties(schema) if schema is not None else {}
    keeps = schema is not None and preserves(schema)
    is_map = schema is not None and has_additional(schema)
    rest = additional(schema) if schema is not None else None
    own = whole or (schema is not None and embedded(schema))
    for name in list(value):
        here = f"{path}.{name}" if path else name
        if own and name in TYPE_META:
            continue
        if name in fields:
            _value(value[name], fields[name], here, found)
        elif is_map:
            if rest is not None or not keeps:
                _value(value[name], rest, here, found)
        elif not keeps:
            found.append(here)
            del value[name]
