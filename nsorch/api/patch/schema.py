"""How each field of a model merges: read from the models, which carry Kubernetes' own markers.

``x-kubernetes-patch-strategy`` (``merge``, ``retainKeys``, ``merge,retainKeys``, ``replace``),
``x-kubernetes-patch-merge-key``, ``x-kubernetes-list-type`` (``atomic``, ``set``, ``map``),
``x-kubernetes-list-map-keys`` and ``x-kubernetes-map-type`` stand in ``json_schema_extra`` of a field.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from nsorch.resources.custom.object import CustomObject
from nsorch.resources.custom.schema import TYPE_META, Schema, additional, embedded, has_additional, items, properties


@dataclass(frozen=True, slots=True, eq=False)
class Structural:
    """Stands where a model would, for an object that a custom kind's schema describes."""

    schema: Schema


Node = type[BaseModel] | Structural


@dataclass(frozen=True, slots=True)
class FieldRule:
    """What merging must know about one field."""

    model: Node | None = None
    """The model of the value; for lists and maps, of their elements; None for scalars and free-form data."""
    container: str = ""
    """``list``, ``map`` (``dict[str, X]``) or "" for a single value."""
    strategies: frozenset[str] = frozenset()
    merge_key: str = ""
    list_type: str = ""
    list_keys: tuple[str, ...] = ()
    map_type: str = ""
    key_defaults: Mapping[str, Any] | None = None
    """Keys of elements that may be left out, with what they are then (custom kinds)."""
    values: FieldRule | None = None
    """For maps of custom kinds: the rule of their values."""

    @property
    def value_rule(self) -> FieldRule:
        """The rule of a map's values."""
        return self.values or FieldRule(model=self.model)

    @property
    def merges(self) -> bool:
        """Whether a list of this field merges instead of being replaced."""
        return "merge" in self.strategies


UNKNOWN = FieldRule()

ATOMIC_TYPES = frozenset(
    {
        "ConfigMapKeySelector",
        "CrossVersionObjectReference",
        "EndpointAddress",
        "EndpointPort",
        "LabelSelector",
        "LocalObjectReference",
        "NodeSelector",
        "NodeSelectorTerm",
        "ObjectFieldSelector",
        "ObjectReference",
        "OwnerReference",
        "ResourceFieldSelector",
        "RoleRef",
        "ScopeSelector",
        "SecretKeySelector",
        "SecretReference",
        "ServiceBackendPort",
        "Subject",
        "TopologySelectorTerm",
        "TypedLocalObjectReference",
    }
)
"""Types whose schema says ``x-kubernetes-map-type: atomic``: for server-side apply one value as a whole."""


@lru_cache(maxsize=512)
def rules(model: type[BaseModel]) -> Mapping[str, FieldRule]:
    """The rule of every field of ``model``, by its JSON name."""
    if not model.__pydantic_fields_complete__:
        model.model_rebuild()
    return {info.alias or name: _rule(info) for name, info in model.model_fields.items()}


def rule(model: Node | None, name: str) -> FieldRule:
    """The rule of one field; ``UNKNOWN`` for unknown fields and free-form data."""
    if model is None:
        return UNKNOWN
    if isinstance(model, Structural):
        return of_schema(model.schema.get("properties", {}).get(name))
    if issubclass(model, CustomObject) and name not in TYPE_META:
        return of_schema(model.SCHEMA.get("properties", {}).get(name))
    return rules(CustomObject if issubclass(model, CustomObject) else model).get(name, UNKNOWN)


def of_schema(schema: Schema | None) -> FieldRule:
    """The rule of a field of a custom kind, which its schema says: lists are atomic unless told otherwise."""
    if schema is None:
        return UNKNOWN
    keys = tuple(schema.get("x-kubernetes-list-map-keys") or ())
    map_type = str(schema.get("x-kubernetes-map-type") or "")
    element = items(schema)
    if schema.get("type") == "array":
        fields = properties(element) if element is not None else {}
        return FieldRule(
            model=Structural(element) if element is not None else None,
            container="list",
            list_type=str(schema.get("x-kubernetes-list-type") or "atomic"),
            list_keys=keys,
            key_defaults={
                key: fields[key]["default"] for key in keys if fields.get(key, {}).get("default") is not None
            },
        )
    if has_additional(schema):
        inner = additional(schema)
        return FieldRule(values=of_schema(inner) if inner is not None else None, container="map", map_type=map_type)
    if embedded(schema):
        return FieldRule(model=CustomObject, map_type=map_type)
    return FieldRule(model=Structural(schema), map_type=map_type)


def extras(info: FieldInfo) -> dict[str, Any]:
    """``json_schema_extra`` of a field, also where it was set on the annotated type."""
    found: dict[str, Any] = {}
    for source in (*info.metadata, info):
        extra = getattr(source, "json_schema_extra", None)
        if isinstance(extra, dict):
            found.update(extra)
    return found


def element(annotation: Any) -> tuple[str, Any]:
    """``("list", X)`` for ``list[X] | None``, ``("map", X)`` for ``dict[str, X]``, else ``("", X)``."""
    annotation = strip(annotation)
    origin = get_origin(annotation)
    if origin is list:
        return "list", strip(get_args(annotation)[0])
    if origin is dict:
        return "map", strip(get_args(annotation)[1])
    return "", annotation


def strip(annotation: Any) -> Any:
    """``annotation`` without ``Annotated`` and ``| None``."""
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation = get_args(annotation)[0]
        elif origin is Union or origin is types.UnionType:
            inner = [argument for argument in get_args(annotation) if argument is not type(None)]
            if len(inner) != 1:
                return annotation
            annotation = inner[0]
        else:
            return annotation


def _rule(info: FieldInfo) -> FieldRule:
    container, inner = element(info.annotation)
    extra = extras(info)
    model = inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None
    atomic = not container and model is not None and model.__name__ in ATOMIC_TYPES
    return FieldRule(
        model=model,
        container=container,
        strategies=frozenset(filter(None, str(extra.get("x-kubernetes-patch-strategy", "")).split(","))),
        merge_key=str(extra.get("x-kubernetes-patch-merge-key", "")),
        list_type=str(extra.get("x-kubernetes-list-type", "")),
        list_keys=tuple(extra.get("x-kubernetes-list-map-keys", ())),
        map_type="atomic" if atomic else str(extra.get("x-kubernetes-map-type", "")),
    )
