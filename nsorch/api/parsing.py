"""From the bytes of a request body to a model: JSON, YAML or protobuf, limits, unknown fields, wrong types.

Kubernetes answers 400 where the body is no object of the kind, 422 where a required field is missing.
``fieldValidation``: Strict refuses unknown fields, Warn (the default) tells of them, Ignore drops them silently.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal, TypeVar

import yaml
from pydantic_core import from_json

from nsorch.api import failures, protobuf
from nsorch.api.content import JSON, YAML
from nsorch.resources import errors, unknown
from nsorch.resources.base import Model
from nsorch.resources.meta import ObjectMeta, Resource
from nsorch.resources.registry import Cause, Kind

M = TypeVar("M", bound=Model)
Validation = Literal["Strict", "Warn", "Ignore"]

MAX_NODES = 500_000
"""Values in one document, aliases followed: bounds what a small YAML text can expand to."""


class _Loader(yaml.CSafeLoader):
    """YAML as Kubernetes reads it: dates stay text."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }

    merged = 0

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merge keys (``<<``) copy what they name while the text is read: bounded before they do."""
        for key, value in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                for part in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    if isinstance(part, yaml.MappingNode):
                        self.flatten_mapping(part)
                        self.merged += len(part.value)
                        if self.merged > MAX_NODES:
                            raise yaml.YAMLError(f"merge keys expand to more than {MAX_NODES} values")
        super().flatten_mapping(node)


def field_validation(text: str, options: str = "CreateOptions") -> Validation:
    """The ``fieldValidation`` query parameter; Failure 422 if it is none."""
    match text:
        case "" | "Warn":
            return "Warn"
        case "Strict":
            return "Strict"
        case "Ignore":
            return "Ignore"
    why = f'Unsupported value: {json.dumps(text)}: supported values: "", "Ignore", "Strict", "Warn"'
    raise failures.invalid_options(options, [Cause("FieldValueNotSupported", "fieldValidation", why)])


def decode(
    raw: bytes, media_type: str, *, depth_limit: int = 200, what: str = "object", nulls: bool = False
) -> dict[str, Any]:
    """The document of a body; Failure 400 unless it is one object within limits. ``nulls``: they may be values."""
    try:
        document = _LOADERS.get(media_type, _load_json)(raw)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        kind = {YAML: "yaml", protobuf.MEDIA_TYPE: "protobuf"}.get(media_type, "json")
        why = " ".join(str(error).split()) or "nested too deeply"
        raise failures.bad_request(
            f"the object provided is unrecognized (must be of type {what}): couldn't get version/kind; "
            f"{kind} parse error: {why}"
        ) from None
    if not isinstance(document, dict):
        raise failures.bad_request(
            f"the object provided is unrecognized (must be of type {what}): the body must be one object, "
            f"not {_json_type(document)}"
        )
    _tidy(document, depth_limit, nulls)
    return document


def _load_json(raw: bytes) -> Any:
    return from_json(raw, allow_inf_nan=False)


def _load_yaml(raw: bytes) -> Any:
    return yaml.load(raw, Loader=_Loader)


_LOADERS = {YAML: _load_yaml, protobuf.MEDIA_TYPE: protobuf.decode}


def _tidy(document: Any, depth_limit: int, nulls: bool = False) -> None:
    """Refuse what is too deep or too large; drop members that are null, which to Kubernetes are absent."""
    nodes = 0
    level = [document]
    depth = 0
    while level:
        depth += 1
        nodes += len(level)
        if depth > depth_limit:
            raise failures.bad_request(f"the body is nested too deeply: more than {depth_limit} levels")
        deeper: list[Any] = []
        for value in level:
            # Counted before it is followed: thousands of aliases of a list of thousands must not be laid out first.
            if nodes + len(deeper) + len(value) > MAX_NODES:
                raise failures.bad_request(f"the body is too large: more than {MAX_NODES} values (aliases followed)")
            if isinstance(value, dict):
                if not nulls and None in value.values():
                    for key in [key for key, member in value.items() if member is None]:
                        del value[key]
                deeper.extend(value.values())
            elif isinstance(value, list):
                deeper.extend(value)
        level = [value for value in deeper if isinstance(value, dict | list)]
        nodes += len(deeper) - len(level)


def parse_object(
    kind: Kind[Any],
    raw: bytes,
    media_type: str,
    validation: Validation = "Ignore",
    *,
    depth_limit: int = 200,
) -> tuple[Resource, list[str]]:
    """An object of ``kind`` from a body, and warnings about it."""
    document = decode(raw, media_type, depth_limit=depth_limit, what=kind.kind, nulls=kind.shape is not None)
    twice = unknown.load_json(raw)[1] if validation != "Ignore" and media_type == JSON else []
    return parse_document(kind, document, validation, unknown.strict_messages([], twice))


def parse_document(
    kind: Kind[Any], document: dict[str, Any], validation: Validation = "Ignore", found: Sequence[str] = ()
) -> tuple[Resource, list[str]]:
    """An object of ``kind`` from a document, and warnings about it. A missing apiVersion or kind is filled in.
    ``found``: what is already known to be wrong with it, for strict validation."""
    model: type[Resource] = kind.model
    check_type(document, model)
    unknown_paths = kind.shape.settle(document) if kind.shape is not None else []
    obj = validate(model, document, kind)
    if kind.shape is not None:
        unknown_paths += unknown.unknown_fields(ObjectMeta, document.get("metadata"), "metadata")
        strange = unknown.strict_messages(unknown_paths, [])
    else:
        strange = unknown_fields(obj, document) if validation != "Ignore" else []
    warnings = [*found, *strange] if validation != "Ignore" else []
    if warnings and validation == "Strict":
        raise failures.bad_request(
            f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: '
            f"strict decoding error: {', '.join(warnings)}"
        )
    return obj, warnings


def check_type(document: dict[str, Any], model: type[Resource]) -> None:
    """Fill in apiVersion and kind; Failure 400 if they are others than the model's."""
    group_version, name = model.GROUP_VERSION, model.KIND
    given = (document.setdefault("apiVersion", group_version), document.setdefault("kind", name))
    if given[0] in (None, ""):
        document["apiVersion"] = group_version
    if given[1] in (None, ""):
        document["kind"] = name
    if document["kind"] != name:
        raise failures.bad_request(
            f'{document["kind"]} in version "{document["apiVersion"]}" cannot be handled as a {name}: '
            f"the kind of the object does not match the path that it was sent to"
        )
    if document["apiVersion"] != group_version:
        raise failures.bad_request(
            f"the API version in the data ({document['apiVersion']}) does not match the expected API version "
            f"({group_version})"
        )


def validate(model: type[M], document: dict[str, Any], kind: Kind[Any] | None = None) -> M:
    """The document as a model. Failure 400 on a wrong type, 422 on a missing field (of ``kind``)."""
    try:
        return errors.decode_data(model, document)
    except errors.Incomplete as refusal:
        if kind is None:
            raise failures.bad_request(f"{model.__name__} cannot be read: {refusal}") from None
        metadata = document.get("metadata") or {}
        name = metadata.get("name") or metadata.get("generateName") or ""
        raise failures.invalid(kind, name, refusal.causes) from None
    except errors.Malformed as refusal:
        raise failures.bad_request(str(refusal)) from None
    except RecursionError as error:
        raise failures.bad_request(f"{model.__name__} cannot be read: {error}") from None


def unknown_fields(obj: Model, document: dict[str, Any]) -> list[str]:
    """``unknown field "spec.foo"`` for every field of the document that the model does not have."""
    return unknown.strict_messages(unknown.unknown_fields(type(obj), document), [])


def _json_type(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return f"string {json.dumps(value[:40])}"
        case int() | float():
            return f"number {value}"
        case list():
            return "array"
        case dict():
            return "object"
    return type(value).__name__
