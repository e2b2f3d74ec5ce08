"""What a model looks like from its JSON: which field holds which other model, alone, in a list or in a map."""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel

Container = Literal["", "list", "map"]


@dataclass(frozen=True, slots=True)
class Shape:
    """One field: its JSON name, how it holds its values, and the innermost type of them."""

    name: str
    container: Container
    type: Any
    required: bool
    go_type: str
    """The type as Go error messages name it."""

    @property
    def model(self) -> type[BaseModel] | None:
        """The model of the values, if they are objects with known fields."""
        return self.type if isinstance(self.type, type) and issubclass(self.type, BaseModel) else None


@cache
def shapes(model: type[BaseModel]) -> dict[str, Shape]:
    """The fields of a model by their JSON names."""
    found = {}
    for attribute, info in model.model_fields.items():
        name = info.alias or attribute
        container, inner = _unwrap(info.annotation)
        # pydantic lifts the marks of a required field from its annotation to the field itself.
        own = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
        fmt = "64" if own.get("format") == "int64" or _has_format(info.annotation, "int64") else "32"
        found[name] = Shape(name, container, inner, info.is_required(), _go_type(container, inner, fmt))
    return found


def _unwrap(annotation: Any) -> tuple[Container, Any]:
    annotation = _bare(annotation)
    origin = get_origin(annotation)
    if origin is list:
        return "list", _bare(get_args(annotation)[0])
    if origin is dict:
        return "map", _bare(get_args(annotation)[1])
    return "", annotation


def _bare(annotation: Any) -> Any:
    """Without ``Annotated`` and ``| None``."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
            continue
        if get_origin(annotation) in (typing.Union, types.UnionType):
            rest = [one for one in get_args(annotation) if one is not type(None)]
            if len(rest) == 1:
                annotation = rest[0]
                continue
        return annotation


def _has_format(annotation: Any, wanted: str) -> bool:
    if get_origin(annotation) is Annotated and any(
        (getattr(mark, "json_schema_extra", None) or {}).get("format") == wanted for mark in get_args(annotation)[1:]
    ):
        return True
    return any(_has_format(one, wanted) for one in get_args(annotation))


def _go_type(container: Container, inner: Any, bits: str) -> str:
    if inner is int:
        name = f"int{bits}"
    elif inner is bool:
        name = "bool"
    elif inner is str:
        name = "string"
    elif isinstance(inner, type) and issubclass(inner, BaseModel):
        name = f"v1.{inner.__name__}"
    else:
        name = "intstr.IntOrString" if get_args(inner) else "interface {}"
    return {"": name, "list": f"[]{name}", "map": f"map[string]{name}"}[container]
