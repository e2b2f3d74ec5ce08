"""A structural schema as it stands in a definition: JSON data. The few questions that everybody asks about one.

Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

EMPTY: Schema = {}

TYPE_META = ("apiVersion", "kind", "metadata")
"""Fields that every object has, and every embedded one: not the schema's to say."""


def properties(schema: Schema) -> Mapping[str, Schema]:
    """The fields that the schema names."""
    found: Mapping[str, Schema] = schema.get("properties") or EMPTY
    return found


def items(schema: Schema) -> Schema | None:
    """The schema of a list's elements."""
    found = schema.get("items")
    return found if isinstance(found, Mapping) else None


def has_additional(schema: Schema) -> bool:
    """Whether the schema is one of a map: any key may stand in it."""
    found = schema.get("additionalProperties")
    return isinstance(found, Mapping) or found is True


def additional(schema: Schema) -> Schema | None:
    """The schema of a map's values; None where the schema says nothing about them."""
    found = schema.get("additionalProperties")
    return found if isinstance(found, Mapping) else None


def preserves(schema: Schema) -> bool:
    """Whether fields that the schema does not name are kept."""
    return schema.get("x-kubernetes-preserve-unknown-fields") is True


def embedded(schema: Schema) -> bool:
    """Whether the value is an object of the API itself, with apiVersion, kind and metadata."""
    return schema.get("x-kubernetes-embedded-resource") is True


def int_or_string(schema: Schema) -> bool:
    return schema.get("x-kubernetes-int-or-string") is True


def nullable(schema: Schema) -> bool:
    return schema.get("nullable") is True


def at(schema: Schema | None, *path: str) -> Schema | None:
    """The schema of a nested field; None where the schema does not know it."""
    for name in path:
        if schema is None:
            return None
        schema = properties(schema).get(name) or additional(schema)
    return schema


def has_rules(schema: Schema) -> bool:
    """Whether anything in the schema has ``x-kubernetes-validations``."""
    return _anywhere(schema, "x-kubernetes-validations")


def has_defaults(schema: Schema) -> bool:
    return _anywhere(schema, "default")


def _anywhere(schema: Schema, word: str) -> bool:
    if schema.get(word) is not None:
        return True
    nested = [items(schema), additional(schema), *properties(schema).values(), *(schema.get("allOf") or ())]
    return any(_anywhere(one, word) for one in nested if one)
