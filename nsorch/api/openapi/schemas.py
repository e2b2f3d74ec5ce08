"""Component schemas from the models, in the dialect that Kubernetes publishes (OpenAPI 3.0, ``x-kubernetes-*``)."""

from __future__ import annotations

import types
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from nsorch.api.openapi import names
from nsorch.api.patch.schema import ATOMIC_TYPES, extras
from nsorch.resources.custom.object import CustomObject
from nsorch.resources.custom.schema import TYPE_META, properties
from nsorch.resources.descriptions import field_descriptions
from nsorch.resources.meta import ObjectMeta
from nsorch.resources.registry import Kind

Schema = dict[str, Any]

_REFERENCE = "#/components/schemas/"

_WELL_KNOWN: dict[str, Schema] = {
    names.QUANTITY: {
        "description": "An amount: a decimal number with an optional suffix (m, k, M, G, Ki, Mi, Gi, ...).",
        "oneOf": [{"type": "string"}, {"type": "number"}],
    },
    names.INT_OR_STRING: {
        "description": "A number, a percentage or a name.",
        "format": "int-or-string",
        "oneOf": [{"type": "integer"}, {"type": "string"}],
    },
    names.TIME: {"description": "A time as RFC 3339 text.", "type": "string", "format": "date-time"},
    names.MICRO_TIME: {
        "description": "A time as RFC 3339 text with microseconds.",
        "type": "string",
        "format": "date-time",
    },
    f"{names.META}.FieldsV1": {"description": "A set of fields, in JSON form.", "type": "object"},
    f"{names.META}.Patch": {"description": "The body of a PATCH request.", "type": "object"},
    f"{names.META}.ListMeta": {
        "description": "Metadata of a list.",
        "type": "object",
        "properties": {
            "continue": {"type": "string", "description": "Token that asks for the next part of the list."},
            "remainingItemCount": {"type": "integer", "format": "int64", "description": "Items after this part."},
            "resourceVersion": {"type": "string", "description": "State of the store that the list shows."},
            "selfLink": {"type": "string"},
        },
    },
    f"{names.META}.StatusCause": {
        "description": "What is wrong with which field.",
        "type": "object",
        "properties": {name: {"type": "string"} for name in ("field", "message", "reason")},
    },
    f"{names.META}.StatusDetails": {
        "description": "What a Status is about.",
        "type": "object",
        "properties": {
            "causes": {"type": "array", "items": {"$ref": f"{_REFERENCE}{names.META}.StatusCause"}},
            "group": {"type": "string"},
            "kind": {"type": "string"},
            "name": {"type": "string"},
            "retryAfterSeconds": {"type": "integer", "format": "int32"},
            "uid": {"type": "string"},
        },
    },
    f"{names.META}.Status": {
        "description": "The outcome of a request that does not answer with an object.",
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string"},
            "code": {"type": "integer", "format": "int32"},
            "details": {"$ref": f"{_REFERENCE}{names.META}.StatusDetails"},
            "kind": {"type": "string"},
            "message": {"type": "string"},
            "metadata": {"$ref": f"{_REFERENCE}{names.META}.ListMeta"},
            "reason": {"type": "string"},
            "status": {"type": "string"},
        },
        "x-kubernetes-group-version-kind": [{"group": "", "kind": "Status", "version": "v1"}],
    },
}


class Components:
    """Collects the schemas that a document needs, each once, with all that they refer to."""

    def __init__(self) -> None:
        self.schemas: dict[str, Schema] = {}

    def add(self, name: str) -> str:
        """Include a well-known schema and what it refers to; returns its reference."""
        if name not in self.schemas:
            schema = _WELL_KNOWN[name]
            self.schemas[name] = schema
            for target in _references(schema):
                self.add(target)
        return _REFERENCE + name

    def model(self, model: type[BaseModel]) -> str:
        """Include a model's schema; returns its reference."""
        name = names.component(model)
        if name not in self.schemas:
            self.schemas[name] = {}  # taken, before its fields are walked: models may refer to themselves
            self.schemas[name] = self._custom(model) if issubclass(model, CustomObject) else self._object(model)
        return _REFERENCE + name

    def kind(self, kind: Kind[Any]) -> tuple[str, str]:
        """Include a kind and its list; returns both references."""
        model: type[BaseModel] = kind.model
        item = self.model(model)
        identity = {"group": kind.group, "kind": kind.kind, "version": kind.version}
        self.schemas[names.component(model)]["x-kubernetes-group-version-kind"] = [identity]
        name = names.list_component(kind)
        if name not in self.schemas:
            self.schemas[name] = {
                "description": f"A list of {kind.kind} objects.",
                "type": "object",
                "required": ["items"],
                "properties": {
                    "apiVersion": _TYPE_META["apiVersion"],
                    "items": {"type": "array", "items": _referring(item)},
                    "kind": _TYPE_META["kind"],
                    "metadata": _referring(self.add(f"{names.META}.ListMeta")),
                },
                "x-kubernetes-group-version-kind": [identity | {"kind": f"{kind.kind}List"}],
            }
        return item, _REFERENCE + name

    def sorted(self) -> dict[str, Schema]:
        """All schemas collected, by name."""
        return dict(sorted(self.schemas.items()))

    def _custom(self, model: type[CustomObject]) -> Schema:
        """The schema of a custom kind is that of its definition."""
        meta = _referring(self.model(ObjectMeta)) | {"description": "Name, labels and what every object has."}
        own = {name: schema for name, schema in properties(model.SCHEMA).items() if name not in TYPE_META}
        schema = {word: value for word, value in model.SCHEMA.items() if word != "required"}
        needed = [name for name in model.SCHEMA.get("required") or () if name not in TYPE_META]
        schema["properties"] = dict(sorted({**_TYPE_META, "metadata": meta, **own}.items()))
        return {"type": "object"} | schema | ({"required": needed} if needed else {})

    def _object(self, model: type[BaseModel]) -> Schema:
        if not model.__pydantic_fields_complete__:
            model.model_rebuild()
        schema: Schema = {}
        description = _description(model)
        if description:
            schema["description"] = description
        schema["type"] = "object"
        required = sorted(info.alias or name for name, info in model.model_fields.items() if info.is_required())
        if required:
            schema["required"] = required
        texts = field_descriptions(model)
        properties = {
            info.alias or name: self._field(name, info, texts.get(name)) for name, info in model.model_fields.items()
        }
        if properties:
            schema["properties"] = dict(sorted(properties.items()))
        if model.__name__ in ATOMIC_TYPES:
            schema["x-kubernetes-map-type"] = "atomic"
        return schema

    def _field(self, name: str, info: FieldInfo, text: str | None) -> Schema:
        marks = extras(info)
        schema = self._type(info.annotation, marks)
        description = info.description or text or _TYPE_META.get(name, {}).get("description")
        if description:
            schema["description"] = description
        schema |= {key: value for key, value in marks.items() if key in _FIELD_MARKS}
        return schema

    def _type(self, annotation: Any, marks: dict[str, Any]) -> Schema:
        """The schema of a type; ``marks`` are those found around it on the way in."""
        origin = get_origin(annotation)
        if origin is Annotated:
            inner, *metadata = get_args(annotation)
            found = dict(marks)
            for item in metadata:
                extra = getattr(item, "json_schema_extra", None)
                if isinstance(extra, dict):
                    found |= extra
            return self._type(inner, found)
        if marks.get("x-kubernetes-quantity"):
            return _referring(self.add(names.QUANTITY))
        if marks.get("x-kubernetes-int-or-string"):
            return _referring(self.add(names.INT_OR_STRING))
        if origin is Union or origin is types.UnionType:
            members = [argument for argument in get_args(annotation) if argument is not type(None)]
            if len(members) == 1:
                return self._type(members[0], marks)
            return {"oneOf": [self._type(member, {}) for member in members]}
        if origin is list:
            return {"type": "array", "items": self._type(get_args(annotation)[0], {})}
        if origin is dict:
            value = get_args(annotation)[1]
            return (
                {"type": "object"}
                if value is Any
                else {"type": "object", "additionalProperties": self._type(value, {})}
            )
        if origin is Literal:
            return {"type": "string", "enum": list(get_args(annotation))}
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return _referring(self.model(annotation))
        return self._scalar(annotation, marks)

    def _scalar(self, annotation: Any, marks: dict[str, Any]) -> Schema:
        form = marks.get("format")
        if form in ("date-time", "micro-time"):
            return _referring(self.add(names.MICRO_TIME if form == "micro-time" else names.TIME))
        schema: Schema = dict(_SCALARS.get(annotation, {}))
        if form:
            schema["format"] = form
        return schema


_SCALARS: dict[Any, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number", "format": "double"},
    dict: {"type": "object"},
}

_FIELD_MARKS = frozenset(
    {
        "x-kubernetes-patch-strategy",
        "x-kubernetes-patch-merge-key",
        "x-kubernetes-list-type",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-map-type",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-embedded-resource",
    }
)

_TYPE_META: dict[str, Schema] = {
    "apiVersion": {"type": "string", "description": "Group and version of the kind, such as apps/v1."},
    "kind": {"type": "string", "description": "The kind of the object, such as Deployment."},
}


def _referring(reference: str) -> Schema:
    """A reference that may get siblings: OpenAPI 3.0 allows them only beside ``allOf``."""
    return {"allOf": [{"$ref": reference}]}


def simplify(schema: Any) -> Any:
    """Turn every ``allOf`` of one reference without siblings into the plain reference."""
    if isinstance(schema, dict):
        if schema.keys() == {"allOf"} and isinstance(schema["allOf"], list) and len(schema["allOf"]) == 1:
            return schema["allOf"][0]
        return {name: simplify(value) for name, value in schema.items()}
    if isinstance(schema, list):
        return [simplify(item) for item in schema]
    return schema


def _description(model: type[BaseModel]) -> str:
    """The first paragraph of a model's docstring; one that only repeats the name says nothing."""
    text = " ".join((model.__doc__ or "").split("\n\n")[0].split()).replace("``", "")
    return "" if text.rstrip(".") in ("", model.__name__) else text


def _references(schema: Any) -> Iterable[str]:
    if isinstance(schema, dict):
        reference = schema.get("$ref")
        if isinstance(reference, str):
            yield reference.removeprefix(_REFERENCE)
        for value in schema.values():
            yield from _references(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from _references(item)
