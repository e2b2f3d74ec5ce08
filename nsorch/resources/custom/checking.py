"""Values against a schema, in the words of Kubernetes.

Source: k8s.io/kube-openapi ``pkg/validation`` and k8s.io/apiextensions-apiserver ``pkg/apiserver/validation``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from nsorch.resources import checks
from nsorch.resources.custom import formats
from nsorch.resources.custom.patterns import found_in
from nsorch.resources.custom.schema import (
    TYPE_META,
    Schema,
    additional,
    embedded,
    int_or_string,
    items,
    nullable,
    properties,
)
from nsorch.resources.registry import Cause

ROOT = "<nil>"
"""How Kubernetes names the object itself as a field."""

ABSENT: Any = object()
"""Where there is no earlier value to compare with."""


def check(document: Mapping[str, Any], schema: Schema, old: Mapping[str, Any] | Any = ABSENT) -> list[Cause]:
    """Everything wrong with a whole object. Its metadata is not looked at: that has rules of its own.

    What is the same in ``old``, which the object replaces, is not held against it: an object that was stored before its
    definition became stricter can still be changed elsewhere.
    """
    body = {name: value for name, value in document.items() if name != "metadata"}
    without = {**schema, "properties": {k: v for k, v in properties(schema).items() if k != "metadata"}}
    if "required" in schema:
        without["required"] = [name for name in schema["required"] if name != "metadata"]
    causes = list(_value(body, without, "", old))
    causes += _metadata_rules(document, schema)
    causes += _lists(body, without, "")
    causes += _embedded(body, without, "")
    return list(dict.fromkeys(causes))


def check_value(value: Any, schema: Schema, path: str) -> list[Cause]:
    """Everything wrong with one value."""
    return [*_value(value, schema, path), *_lists(value, schema, path)]


def type_name(value: Any) -> str:
    """The JSON type of a value; a number without fraction is an integer."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "integer" if value.is_integer() else "number"
        case str():
            return "string"
        case list():
            return "array"
    return "object"


def _metadata_rules(document: Mapping[str, Any], schema: Schema) -> Iterator[Cause]:
    """What the schema asks of ``metadata.name`` and ``metadata.generateName``."""
    of_metadata = properties(schema).get("metadata")
    if of_metadata:
        meta = document.get("metadata") or {}
        for name, inner in properties(of_metadata).items():
            if meta.get(name):
                yield from _value(meta[name], inner, f"metadata.{name}")


def matching(schema: Schema, old: Any) -> Callable[[Any], Any]:
    """How to find the earlier state of a list's element: by its keys. Elements of other lists have no identity."""
    keys = schema.get("x-kubernetes-list-map-keys") or ()
    if schema.get("x-kubernetes-list-type") != "map" or not isinstance(old, list):
        return lambda item: ABSENT

    def identity(item: Any) -> str:
        return json.dumps([item.get(key) for key in keys]) if isinstance(item, dict) else ""

    known = {identity(item): item for item in old}
    return lambda item: known.get(identity(item), ABSENT)


def _value(value: Any, schema: Schema, path: str, old: Any = ABSENT) -> Iterator[Cause]:
    if old is not ABSENT and old == value and type_name(old) == type_name(value):
        return
    kind = type_name(value)
    wanted = "integer,string" if int_or_string(schema) else schema.get("type") or ""
    if value is None and nullable(schema):
        return
    if wanted and not (kind in wanted.split(",") or (wanted == "number" and kind == "integer")):
        yield _wrong_type(path, wanted, kind)
        return
    yield from _enum(value, schema, path)
    match value:
        case bool() | None:
            pass
        case int() | float():
            yield from _number(value, schema, path)
        case str():
            yield from _string(value, schema, path)
        case list():
            yield from _array(value, schema, path, old)
        case dict():
            yield from _object(value, schema, path, old)
    yield from _combined(value, schema, path)


def _wrong_type(path: str, wanted: str, kind: str) -> Cause:
    text = f'{_named(path)} must be of type {wanted}: "{kind}"'
    return Cause("FieldValueTypeInvalid", path or ROOT, f'Invalid value: "{kind}": {text}')


def _named(path: str) -> str:
    return f"{path} in body" if path else '"" in body'


def _invalid(path: str, value: Any, why: str) -> Cause:
    return checks.invalid(path or ROOT, value, f"{_named(path)} {why}")


def _plain(number: float) -> str:
    return str(int(number)) if float(number).is_integer() and abs(number) < 1e21 else repr(number)


def _enum(value: Any, schema: Schema, path: str) -> Iterator[Cause]:
    allowed = schema.get("enum")
    if allowed and not any(_same(value, one) for one in allowed):
        texts = [one if isinstance(one, str) else json.dumps(one, separators=(",", ":")) for one in allowed]
        yield checks.unsupported(path or ROOT, value, texts)


def _same(one: Any, other: Any) -> bool:
    return type_name(one) == type_name(other) and one == other


def _number(value: float, schema: Schema, path: str) -> Iterator[Cause]:
    maximum, minimum, step = schema.get("maximum"), schema.get("minimum"), schema.get("multipleOf")
    if maximum is not None:
        if schema.get("exclusiveMaximum") and value >= maximum:
            yield _invalid(path, value, f"should be less than {_plain(maximum)}")
        elif value > maximum:
            yield _invalid(path, value, f"should be less than or equal to {_plain(maximum)}")
    if minimum is not None:
        if schema.get("exclusiveMinimum") and value <= minimum:
            yield _invalid(path, value, f"should be greater than {_plain(minimum)}")
        elif value < minimum:
            yield _invalid(path, value, f"should be greater than or equal to {_plain(minimum)}")
    if step:
        quotient = value / step
        if not math.isfinite(quotient) or not float(quotient).is_integer():
            yield _invalid(path, value, f"should be a multiple of {_plain(step)}")
    bits = {"int32": 31, "int64": 63}.get(schema.get("format") or "")
    if bits and not -(2**bits) <= value < 2**bits:
        yield _invalid(path, value, f"must be of type {schema['format']}: {json.dumps(value)}")


def _string(value: str, schema: Schema, path: str) -> Iterator[Cause]:
    longest, shortest, pattern = schema.get("maxLength"), schema.get("minLength"), schema.get("pattern")
    if longest is not None and len(value) > longest:
        yield checks.too_long(path or ROOT, longest)
    if shortest is not None and len(value) < shortest:
        yield _invalid(path, value, f"should be at least {shortest} chars long")
    if pattern and not found_in(pattern, value):
        yield _invalid(path, value, f"should match '{pattern}'")
    form = schema.get("format")
    if form and not formats.fits(value, form):
        yield checks.invalid(path or ROOT, value, f"{_named(path)} must be of type {form}: {json.dumps(value)}")


def _array(value: list[Any], schema: Schema, path: str, old: Any) -> Iterator[Cause]:
    most, least = schema.get("maxItems"), schema.get("minItems")
    if most is not None and len(value) > most:
        yield checks.too_many(path or ROOT, len(value), most)
    if least is not None and len(value) < least:
        yield _invalid(path, len(value), f"should have at least {least} items")
    of_items = items(schema)
    if of_items is not None:
        partner = matching(schema, old)
        for number, item in enumerate(value):
            yield from _value(item, of_items, f"{path}[{number}]", partner(item))


def _object(value: Mapping[str, Any], schema: Schema, path: str, old: Any) -> Iterator[Cause]:
    most, least = schema.get("maxProperties"), schema.get("minProperties")
    if most is not None and len(value) > most:
        yield checks.too_many(path or ROOT, len(value), most)
    if least is not None and len(value) < least:
        yield _invalid(path, len(value), f"should have at least {least} properties")
    for name in schema.get("required") or ():
        if name not in value:
            yield checks.required(f"{path}.{name}" if path else name)
    fields, rest = properties(schema), additional(schema)
    own = embedded(schema)
    for name, inner in value.items():
        found = fields.get(name, rest)
        if found is not None and not (own and name == "metadata"):
            before = old.get(name, ABSENT) if isinstance(old, dict) else ABSENT
            yield from _value(inner, found, f"{path}.{name}" if path else name, before)


def _combined(value: Any, schema: Schema, path: str) -> Iterator[Cause]:
    yield from _all_of(value, schema.get("allOf") or (), path)
    some = schema.get("anyOf") or ()
    if some and not int_or_string(schema):
        outcomes = [list(_value(value, one, path)) for one in some]
        if all(outcomes):
            yield checks.invalid(path or ROOT, "", f'"{path}" must validate at least one schema (anyOf)')
            yield from min(outcomes, key=len)
    one_of = schema.get("oneOf") or ()
    if one_of:
        outcomes = [list(_value(value, one, path)) for one in one_of]
        fitting = sum(not outcome for outcome in outcomes)
        if fitting != 1:
            why = "Found none valid" if not fitting else f"Found {fitting} valid alternatives"
            yield checks.invalid(path or ROOT, "", f'"{path}" must validate one and only one schema (oneOf). {why}')
            if not fitting:
                yield from min(outcomes, key=len)
    against = schema.get("not")
    if against is not None and not list(_value(value, against, path)):
        yield checks.invalid(path or ROOT, "", f'"{path}" must not validate the schema (not)')


def _all_of(value: Any, parts: Sequence[Schema], path: str) -> Iterator[Cause]:
    wrong = [cause for part in parts for cause in _value(value, part, path)]
    if wrong:
        yield checks.invalid(path or ROOT, "", f'"{path}" must validate all the schemas (allOf)')
        yield from wrong


def _walk(value: Any, schema: Schema, path: str, at: Callable[[Any, Schema, str], Iterator[Cause]]) -> Iterator[Cause]:
    yield from at(value, schema, path)
    if isinstance(value, dict):
        fields, rest = properties(schema), additional(schema)
        for name, inner in value.items():
            found = fields.get(name, rest)
            if found is not None:
                yield from _walk(inner, found, f"{path}.{name}" if path else name, at)
    elif isinstance(value, list) and (of_items := items(schema)) is not None:
        for number, item in enumerate(value):
            yield from _walk(item, of_items, f"{path}[{number}]", at)


def _lists(value: Any, schema: Schema, path: str) -> Iterator[Cause]:
    return _walk(value, schema, path, _one_list)


def _one_list(value: Any, schema: Schema, path: str) -> Iterator[Cause]:
    """Elements of sets, and keys of lists that are maps, come once."""
    if not isinstance(value, list):
        return
    match schema.get("x-kubernetes-list-type"):
        case "set":
            shown = [json.dumps(item, sort_keys=True) for item in value]
            for number in checks.duplicates(shown):
                yield checks.duplicate(f"{path}[{number}]", value[number])
        case "map":
            names = schema.get("x-kubernetes-list-map-keys") or ()
            keys = [
                {name: item[name] for name in names if name in item} if isinstance(item, dict) else item
                for item in value
            ]
            for number in checks.duplicates(json.dumps(key, sort_keys=True) for key in keys):
                yield checks.duplicate(f"{path}[{number}]", keys[number])


def _embedded(value: Any, schema: Schema, path: str) -> Iterator[Cause]:
    return _walk(value, schema, path, _one_embedded)


def _one_embedded(value: Any, schema: Schema, path: str) -> Iterator[Cause]:
    if not embedded(schema) or not isinstance(value, dict):
        return
    for name in TYPE_META[:2]:
        given = value.get(name)
        if given is not None and not isinstance(given, str):
            yield _wrong_type(f"{path}.{name}", "string", type_name(given))
        elif not given:
            yield checks.required(f"{path}.{name}", "must not be empty")
    if "metadata" in value and not isinstance(value["metadata"], dict):
        yield _wrong_type(f"{path}.metadata", "object", type_name(value["metadata"]))
