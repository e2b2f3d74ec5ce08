"""What makes a schema structural: every field has one type, stated outside of logic; and which words may be used.

Source: k8s.io/apiextensions-apiserver ``pkg/apiserver/schema/validation.go`` and ``pkg/apis/apiextensions/validation``.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from nsorch.resources import checks
from nsorch.resources.custom.checking import check_value
from nsorch.resources.custom.defaulting import apply_defaults
from nsorch.resources.custom.patterns import compiled
from nsorch.resources.custom.pruning import prune_nulls
from nsorch.resources.custom.schema import (
    EMPTY,
    Schema,
    additional,
    embedded,
    int_or_string,
    items,
    preserves,
    properties,
)
from nsorch.resources.registry import Cause

INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]
TYPES = ("array", "boolean", "integer", "number", "object", "string")
LOGIC = ("allOf", "anyOf", "oneOf")

_UNSUPPORTED = {
    "$ref": "$ref is not supported",
    "$schema": "$schema is not supported",
    "additionalItems": "additionalItems is not supported",
    "definitions": "definitions is not supported",
    "dependencies": "dependencies is not supported",
    "id": "id is not supported",
    "patternProperties": "patternProperties is not supported",
}

_FORBIDDEN_IN_LOGIC = {
    "additionalProperties": "must be undefined to be structural",
    "default": "must be undefined to be structural",
    "description": "must be empty to be structural",
    "externalDocs": "must be undefined to be structural",
    "nullable": "must be false to be structural",
    "title": "must be empty to be structural",
    "type": "must be empty to be structural",
    "x-kubernetes-embedded-resource": "must be false to be structural",
    "x-kubernetes-int-or-string": "must be false to be structural",
    "x-kubernetes-list-map-keys": "must be empty to be structural",
    "x-kubernetes-list-type": "must be undefined to be structural",
    "x-kubernetes-map-type": "must be undefined to be structural",
    "x-kubernetes-preserve-unknown-fields": "must be false to be structural",
    "x-kubernetes-validations": "must be empty to be structural",
}


def check_structural(schema: Schema, path: str) -> list[Cause]:
    """Everything that keeps a schema from being the schema of a whole object; sorted, as Kubernetes sorts them."""
    causes = [*_words(schema, path), *_invariants(schema, path, "root"), *_complete(schema, path)]
    if not causes:
        causes += _defaults(schema, path)
    return sorted(causes, key=lambda cause: (cause.field, cause.message))


def _words(schema: Schema, path: str) -> Iterator[Cause]:
    """Words that are not supported, and values that a word cannot have."""
    for word, why in _UNSUPPORTED.items():
        if schema.get(word) is not None:
            yield checks.forbidden(f"{path}.{word}", why)
    kind = schema.get("type")
    if kind and kind not in TYPES:
        yield checks.unsupported(f"{path}.type", kind, TYPES)
    if schema.get("uniqueItems"):
        why = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        yield checks.forbidden(f"{path}.uniqueItems", why)
    if schema.get("additionalProperties") is False:
        yield checks.forbidden(f"{path}.additionalProperties", "additionalProperties cannot be set to false")
    elif additional(schema) is not None and properties(schema):
        why = "additionalProperties and properties are mutual exclusive"
        yield checks.forbidden(f"{path}.additionalProperties", why)
    if schema.get("pattern"):
        try:
            compiled(schema["pattern"])
        except ValueError as error:
            why = f"must be a valid regular expression, but isn't: {error}"
            yield checks.invalid(f"{path}.pattern", schema["pattern"], why)
    yield from _merging(schema, path)
    for below, inner in _below(schema, path):
        yield from _words(inner, below)


def _merging(schema: Schema, path: str) -> Iterator[Cause]:
    list_type, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys") or ()
    map_type = schema.get("x-kubernetes-map-type")
    if map_type is not None:
        if map_type not in ("atomic", "granular"):
            yield checks.unsupported(f"{path}.x-kubernetes-map-type", map_type, ("atomic", "granular"))
        if schema.get("type") != "object":
            why = "must be object if x-kubernetes-map-type is specified"
            yield checks.invalid(f"{path}.type", schema.get("type") or "", why)
    if list_type is not None:
        if list_type not in ("atomic", "map", "set"):
            yield checks.unsupported(f"{path}.x-kubernetes-list-type", list_type, ("atomic", "set", "map"))
        if schema.get("type") != "array":
            why = "must be array if x-kubernetes-list-type is specified"
            yield checks.invalid(f"{path}.type", schema.get("type") or "", why)
    if keys and list_type != "map":
        why = "must be map if x-kubernetes-list-map-keys is non-empty"
        if list_type is None:
            yield checks.required(f"{path}.x-kubernetes-list-type", why)
        else:
            yield checks.invalid(f"{path}.x-kubernetes-list-type", list_type, why)
    element = items(schema)
    if list_type == "map":
        if not keys:
            why = "must not be empty if x-kubernetes-list-type is map"
            yield checks.required(f"{path}.x-kubernetes-list-map-keys", why)
        if element is not None and element.get("type") != "object":
            why = "must be object if parent array's x-kubernetes-list-type is map"
            yield checks.invalid(f"{path}.items.type", element.get("type") or "", why)
        fields = properties(element) if element is not None else EMPTY
        needed = (element or EMPTY).get("required") or ()
        for number, key in enumerate(keys):
            inner = fields.get(key)
            if inner is None:
                why = "entries must all be names of item properties"
                yield checks.invalid(f"{path}.x-kubernetes-list-map-keys[{number}]", key, why)
            elif inner.get("type") in ("object", "array"):
                why = "must be a scalar type if parent array's x-kubernetes-list-type is map"
                yield checks.invalid(f"{path}.items.properties[{key}].type", inner.get("type"), why)
            elif key not in needed and inner.get("default") is None:
                why = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property"
                yield checks.required(f"{path}.items.properties[{key}].default", why)
    if list_type == "set" and element is not None:
        if element.get("nullable"):
            why = "cannot be nullable when x-kubernetes-list-type is set"
            yield checks.forbidden(f"{path}.items.nullable", why)
        if element.get("type") == "object" and element.get("x-kubernetes-map-type") != "atomic":
            why = "must be atomic as item of a list with x-kubernetes-list-type=set"
            yield checks.invalid(f"{path}.items.x-kubernetes-map-type", element.get("x-kubernetes-map-type"), why)
        if element.get("type") == "array" and element.get("x-kubernetes-list-type") not in (None, "atomic"):
            why = "must be atomic as item of a list with x-kubernetes-list-type=set"
            yield checks.invalid(f"{path}.items.x-kubernetes-list-type", element["x-kubernetes-list-type"], why)


def _below(schema: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    """The schemas directly within a schema, with their paths."""
    for name, inner in properties(schema).items():
        yield f"{path}.properties[{name}]", inner
    for word in ("items", "additionalProperties", "not"):
        if isinstance(schema.get(word), Mapping):
            yield f"{path}.{word}", schema[word]
    for word in LOGIC:
        for number, inner in enumerate(schema.get(word) or ()):
            yield f"{path}.{word}[{number}]", inner


def _invariants(schema: Schema, path: str, level: str) -> Iterator[Cause]:
    kind = schema.get("type") or ""
    if kind == "array" and items(schema) is None:
        yield checks.required(f"{path}.items", "must be specified")
    if (inner := items(schema)) is not None:
        yield from _invariants(inner, f"{path}.items", "item")
    for name, field in properties(schema).items():
        yield from _invariants(field, f"{path}.properties[{name}]", "field")
    if schema.get("additionalProperties") not in (None, False):
        if level == "root":
            yield checks.forbidden(f"{path}.additionalProperties", "must not be used at the root")
        if embedded(schema):
            why = "must not be used if x-kubernetes-embedded-resource is set"
            yield checks.forbidden(f"{path}.additionalProperties", why)
        if (rest := additional(schema)) is not None:
            yield from _invariants(rest, f"{path}.additionalProperties", "field")
    yield from _extensions(schema, path)
    yield from _logic(schema, path)
    if embedded(schema) and kind != "object":
        why = "must be object if x-kubernetes-embedded-resource is true"
        yield checks.invalid(f"{path}.type", kind, why) if kind else checks.required(f"{path}.type", why)
    elif not kind and not int_or_string(schema) and not preserves(schema):
        where = {"root": "at the root", "item": "for specified array items", "field": "for specified object fields"}
        yield checks.required(f"{path}.type", f"must not be empty {where[level]}")
    if level == "root" and kind and kind != "object":
        yield checks.invalid(f"{path}.type", kind, "must be object at the root")
    if embedded(schema) and not preserves(schema) and not properties(schema):
        why = "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields"
        yield checks.required(f"{path}.properties", why)
    yield from _type_meta(schema, path, level)


def _type_meta(schema: Schema, path: str, level: str) -> Iterator[Cause]:
    """Of metadata only name and generateName can be restricted, apiVersion and kind are strings."""
    if level != "root" and not embedded(schema):
        return
    for name in ("apiVersion", "kind"):
        found = properties(schema).get(name)
        if found is not None and found.get("type") != "string":
            yield checks.invalid(f"{path}.properties[{name}].type", found.get("type") or "", "must be string")
    meta = properties(schema).get("metadata")
    if meta is None:
        return
    here = f"{path}.properties[metadata]"
    if meta.get("type") != "object":
        yield checks.invalid(f"{here}.type", meta.get("type") or "", "must be object")
    if level == "root":
        other = {word for word, value in meta.items() if value} - {"type", "properties", "default", "description"}
        if other or set(properties(meta)) - {"name", "generateName"}:
            why = "must not specify anything other than name and generateName, but metadata is implicitly specified"
            yield checks.forbidden(here, why)


def _extensions(schema: Schema, path: str) -> Iterator[Cause]:
    if int_or_string(schema):
        if preserves(schema):
            why = "must be false if x-kubernetes-int-or-string is true"
            yield checks.invalid(f"{path}.x-kubernetes-preserve-unknown-fields", True, why)
        if embedded(schema):
            why = "must be false if x-kubernetes-int-or-string is true"
            yield checks.invalid(f"{path}.x-kubernetes-embedded-resource", True, why)
        if schema.get("type"):
            why = "must be empty if x-kubernetes-int-or-string is true"
            yield checks.invalid(f"{path}.type", schema["type"], why)
    if schema.get("x-kubernetes-preserve-unknown-fields") is False:
        why = "must be true or undefined"
        yield checks.invalid(f"{path}.x-kubernetes-preserve-unknown-fields", False, why)


def _logic(schema: Schema, path: str) -> Iterator[Cause]:
    for word in LOGIC:
        parts = schema.get(word) or ()
        if word == "anyOf" and int_or_string(schema) and parts == INT_OR_STRING:
            continue
        for number, part in enumerate(parts):
            first = word == "allOf" and not number and int_or_string(schema)
            yield from _nested(part, f"{path}.{word}[{number}]", skip_any_of=first)
    if isinstance(schema.get("not"), Mapping):
        yield from _nested(schema["not"], f"{path}.not")


def _nested(schema: Schema, path: str, *, skip_any_of: bool = False) -> Iterator[Cause]:
    """Within logic a schema only restricts values: what they are is said outside."""
    for word, why in _FORBIDDEN_IN_LOGIC.items():
        if schema.get(word):
            yield checks.forbidden(f"{path}.{word}", why)
    if "metadata" in properties(schema):
        yield checks.forbidden(f"{path}.properties[metadata]", "must not be specified in a nested context")
    for name, field in properties(schema).items():
        yield from _nested(field, f"{path}.properties[{name}]")
    if (inner := items(schema)) is not None:
        yield from _nested(inner, f"{path}.items")
    for word in LOGIC:
        if word == "anyOf" and skip_any_of and schema.get(word) == INT_OR_STRING:
            continue
        for number, part in enumerate(schema.get(word) or ()):
            yield from _nested(part, f"{path}.{word}[{number}]")
    if isinstance(schema.get("not"), Mapping):
        yield from _nested(schema["not"], f"{path}.not")


def _complete(schema: Schema, path: str) -> Iterator[Cause]:
    """Every field that logic speaks of is also specified outside of it."""
    for word in LOGIC:
        for part in schema.get(word) or ():
            yield from _specified(part, schema, path)
    if isinstance(schema.get("not"), Mapping):
        yield from _specified(schema["not"], schema, path)
    for name, field in properties(schema).items():
        yield from _complete(field, f"{path}.properties[{name}]")
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), Mapping):
            yield from _complete(schema[word], f"{path}.{word}")


def _specified(part: Schema, schema: Schema, path: str) -> Iterator[Cause]:
    why = "because it is defined in a nested context: a field must be specified outside of allOf, anyOf, oneOf and not"
    if items(part) is not None:
        if items(schema) is None:
            yield checks.required(f"{path}.items", why)
        else:
            yield from _specified(items(part) or EMPTY, items(schema) or EMPTY, f"{path}.items")
    for name, field in properties(part).items():
        spine = properties(schema).get(name)
        if spine is not None:
            yield from _specified(field, spine, f"{path}.properties[{name}]")
        else:
            yield checks.required(f"{path}.properties[{name}]", why)
    for word in LOGIC:
        for inner in part.get(word) or ():
            yield from _specified(inner, schema, path)
    if isinstance(part.get("not"), Mapping):
        yield from _specified(part["not"], schema, path)


def _defaults(schema: Schema, path: str) -> Iterator[Cause]:
    """A default is a value that the schema itself would accept."""
    default = schema.get("default")
    if default is not None:
        filled: Any = copy.deepcopy(default)
        prune_nulls(filled, schema)
        apply_defaults(filled, schema)
        for cause in check_value(filled, schema, "default"):
            yield Cause(cause.reason, f"{path}.{cause.field}", cause.message)
    for below, inner in _below(schema, path):
        yield from _defaults(inner, below)
