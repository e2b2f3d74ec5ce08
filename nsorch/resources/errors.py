"""Parsing into models, with errors in the words of Kubernetes.

Kubernetes decodes first (wrong types are 400 BadRequest) and validates later (missing fields are 422 Invalid with
causes). pydantic does both at once; ``decode`` and ``decode_data`` take them apart again. JSON ``null`` counts as
absent, as it does in Go, so that the ``creationTimestamp: null`` and ``status: null`` of generated manifests pass.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from nsorch.resources.checks import required
from nsorch.resources.registry import Cause
from nsorch.resources.shapes import Shape, shapes

M = TypeVar("M", bound=BaseModel)

_UNION_TAGS = ("int", "str")
_TIME_LAYOUT = "2006-01-02T15:04:05Z07:00"


class Malformed(ValueError):
    """The document cannot be decoded: answer 400 BadRequest with this message."""


class Incomplete(ValueError):
    """Required fields are missing: answer 422 Invalid with these causes."""

    def __init__(self, causes: list[Cause]) -> None:
        super().__init__(", ".join(f"{cause.field}: {cause.message}" for cause in causes))
        self.causes = causes


def decode(model: type[M], raw: bytes) -> M:
    """Parse a JSON document. Malformed or Incomplete if it does not fit the model."""
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        if not _concerns_null(error):
            raise translate(error, model) from None
    try:
        data = json.loads(raw)
    except ValueError as error:
        raise Malformed(f"couldn't get version/kind; json parse error: {error}") from None
    return decode_data(model, data)


def decode_data(model: type[M], data: Any) -> M:
    """Parse JSON-like data (the result of a patch). Malformed or Incomplete if it does not fit the model."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        if not _concerns_null(error):
            raise translate(error, model) from None
    try:
        return model.model_validate(without_nulls(model, data))
    except ValidationError as error:
        raise translate(error, model) from None


def without_nulls(model: type[BaseModel], data: Any) -> Any:
    """The data with every ``null`` replaced by what Go makes of it: nothing, or the zero value in lists and maps."""
    if not isinstance(data, dict):
        return data
    known = shapes(model)
    result: dict[str, Any] = {}
    for key, value in data.items():
        shape = known.get(key)
        if value is None:
            if shape is not None and shape.required and shape.container:
                result[key] = [] if shape.container == "list" else {}
            continue
        result[key] = _filled(shape, value) if shape is not None else value
    return result


def translate(error: ValidationError, model: type[BaseModel]) -> Malformed | Incomplete:
    """pydantic's error in the words of Kubernetes; wrong types come before missing fields."""
    details = error.errors(include_url=False)
    missing = [detail for detail in details if detail["type"] == "missing"]
    wrong = [detail for detail in details if detail["type"] != "missing"]
    if not wrong:
        return Incomplete([required(_path(model, detail["loc"])) for detail in missing])
    if wrong[0]["type"] == "json_invalid":
        return Malformed(f"couldn't get version/kind; json parse error: {wrong[0]['ctx']['error']}")
    name = model.__name__
    group_version: str = getattr(model, "GROUP_VERSION", "v1")
    version = group_version.rpartition("/")[2]
    messages = list(dict.fromkeys(_message(model, detail) for detail in wrong))
    return Malformed(f'{name} in version "{version}" cannot be handled as a {name}: {", ".join(messages)}')


def _concerns_null(error: ValidationError) -> bool:
    return any(detail["input"] is None and detail["type"] != "missing" for detail in error.errors(include_url=False))


def _filled(shape: Shape, value: Any) -> Any:
    if shape.container == "list" and isinstance(value, list):
        return [_item(shape, item) for item in value]
    if shape.container == "map" and isinstance(value, dict):
        return {key: _item(shape, item) for key, item in value.items()}
    if shape.model is not None and not shape.container:
        return without_nulls(shape.model, value)
    return value


def _item(shape: Shape, item: Any) -> Any:
    if item is None:
        return {} if shape.model is not None else {str: "", int: 0, bool: False}.get(shape.type)
    return without_nulls(shape.model, item) if shape.model is not None else item


def _message(model: type[BaseModel], detail: ErrorDetails) -> str:
    value = detail["input"]
    if detail["type"] == "string_pattern_mismatch":
        return f'parsing time "{value}" as "{_TIME_LAYOUT}": cannot parse "{value}" as "2006"'
    if detail["type"] == "value_error":
        return f"{detail['msg'].removeprefix('Value error, ')} (field {_path(model, detail['loc'])}, value {value!r})"
    owner, dotted, shape, inside = _locate(model, detail["loc"])
    if shape is None:
        return f"json: cannot unmarshal {_json_type(value)} into Go value of type v1.{model.__name__}"
    kind = shape.go_type
    if inside and shape.container:
        kind = kind.removeprefix("[]" if shape.container == "list" else "map[string]")
    return f"json: cannot unmarshal {_json_type(value)} into Go struct field {owner}.{dotted} of type {kind}"


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return f"number {value}" if isinstance(value, float) or abs(value) > 2**31 else "number"
    return {str: "string", list: "array", dict: "object", type(None): "null"}.get(type(value), type(value).__name__)


def _locate(model: type[BaseModel], loc: tuple[int | str, ...]) -> tuple[str, str, Shape | None, bool]:
    """The Go struct and dotted path of a location, the shape of its last field, and whether it is an item of it."""
    owner, dotted, shape, inside = model.__name__, [], None, False
    current: type[BaseModel] | None = model
    for part in _without_tags(loc):
        found = shapes(current).get(str(part)) if current is not None and isinstance(part, str) else None
        if found is None:
            inside = True
            current = shape.model if shape is not None else None
            continue
        owner, shape, inside = current.__name__ if current is not None else owner, found, False
        dotted.append(found.name)
        current = found.model if not found.container else None
    return owner, ".".join(dotted), shape, inside


def _path(model: type[BaseModel], loc: tuple[int | str, ...]) -> str:
    """A location as Kubernetes writes paths: ``spec.containers[0].name``, ``metadata.labels[a]``."""
    text = ""
    current: type[BaseModel] | None = model
    shape: Shape | None = None
    for part in _without_tags(loc):
        found = shapes(current).get(str(part)) if current is not None and isinstance(part, str) else None
        if found is not None:
            text += f".{part}" if text else str(part)
            shape, current = found, found.model if not found.container else None
        else:
            text += f"[{part}]"
            current = shape.model if shape is not None else None
    return text


def _without_tags(loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Without the branch of a union that pydantic appends to the location."""
    return loc[:-1] if len(loc) > 1 and loc[-1] in _UNION_TAGS else loc
