"""How validation says what is wrong: one function per kind of ``field.Error`` of Kubernetes, each a ``Cause``.

A ``field`` is the path as Kubernetes writes it: ``spec.containers[0].ports[1].containerPort``, ``data[key]``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from nsorch.resources.registry import Cause


def shown(value: Any) -> str:
    """A value as it appears in a message: text quoted, objects as JSON."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json", by_alias=True, exclude_none=True)
    elif isinstance(value, list | tuple):
        return "[" + ",".join(shown(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def required(field: str, detail: str = "") -> Cause:
    """The field must be set."""
    return Cause("FieldValueRequired", field, f"Required value: {detail}" if detail else "Required value")


def invalid(field: str, value: Any, detail: str) -> Cause:
    """The value is not allowed, for the reason in ``detail``."""
    return Cause("FieldValueInvalid", field, f"Invalid value: {shown(value)}: {detail}")


def invalid_each(field: str, value: Any, details: Iterable[str]) -> list[Cause]:
    """One ``invalid`` for every reason."""
    return [invalid(field, value, detail) for detail in details]


def duplicate(field: str, value: Any) -> Cause:
    """The value must be unique among its siblings."""
    return Cause("FieldValueDuplicate", field, f"Duplicate value: {shown(value)}")


def unsupported(field: str, value: Any, supported: Iterable[str]) -> Cause:
    """The value is not one of an enumeration."""
    allowed = ", ".join(f'"{one}"' for one in supported)
    return Cause("FieldValueNotSupported", field, f"Unsupported value: {shown(value)}: supported values: {allowed}")


def forbidden(field: str, detail: str) -> Cause:
    """The field may not be set, or not be changed."""
    return Cause("FieldValueForbidden", field, f"Forbidden: {detail}")


def not_found(field: str, value: Any) -> Cause:
    """The value names something that is not there."""
    return Cause("FieldValueNotFound", field, f"Not found: {shown(value)}")


def too_long(field: str, limit: int) -> Cause:
    """More bytes than the limit."""
    return Cause("FieldValueTooLong", field, f"Too long: may not be more than {limit} bytes")


def too_many(field: str, count: int, limit: int) -> Cause:
    """More items than the limit."""
    return Cause("FieldValueTooMany", field, f"Too many: {count}: must have at most {limit} items")


def immutable(field: str, new: Any, old: Any) -> list[Cause]:
    """Nothing if equal; else ``field is immutable``."""
    return [] if new == old else [invalid(field, new, "field is immutable")]


def one_of(field: str, value: str | None, supported: Iterable[str]) -> list[Cause]:
    """The value, if there is one, must be in the enumeration."""
    allowed = tuple(supported)
    return [] if value is None or value in allowed else [unsupported(field, value, sorted(allowed))]


def not_negative(field: str, value: int | None) -> list[Cause]:
    """The number, if there is one, must not be below zero."""
    if value is None or value >= 0:
        return []
    return [invalid(field, value, "must be greater than or equal to 0")]


def duplicates(values: Iterable[Any]) -> list[int]:
    """The positions of values that were seen before."""
    seen: set[Any] = set()
    again = []
    for position, value in enumerate(values):
        if value in seen:
            again.append(position)
        seen.add(value)
    return again
