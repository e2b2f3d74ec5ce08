"""Defaults of a schema: applied when an object is written, and when one is read that was stored before they were.

Source: k8s.io/apiextensions-apiserver ``pkg/apiserver/schema/defaulting/algorithm.go``.
"""

from __future__ import annotations

import copy
from typing import Any

from nsorch.resources.custom.schema import Schema, additional, items, nullable, properties


def apply_defaults(value: Any, schema: Schema | None) -> None:
    """Fill in, in place, what is absent (or null where it may not be) and has a default."""
    if schema is None:
        return
    if isinstance(value, dict):
        fields, rest = properties(schema), additional(schema)
        for name, inner in fields.items():
            if name not in value or _is_absent(value[name], inner):
                _default(value, name, inner)
        for name in value:
            inner_or_none = fields.get(name, rest)
            if inner_or_none is not None:
                if name not in fields and _is_absent(value[name], inner_or_none):
                    _default(value, name, inner_or_none)
                apply_defaults(value[name], inner_or_none)
    elif isinstance(value, list):
        of_items = items(schema)
        if of_items is None:
            return
        for number, item in enumerate(value):
            if _is_absent(item, of_items):
                _default(value, number, of_items)
            apply_defaults(value[number], of_items)


def _is_absent(value: Any, schema: Schema) -> bool:
    return value is None and not nullable(schema)


def _default(holder: Any, key: Any, schema: Schema) -> None:
    default = schema.get("default")
    if default is not None:
        holder[key] = copy.deepcopy(default)
