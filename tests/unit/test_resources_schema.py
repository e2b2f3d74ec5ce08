"""Every model against the official Kubernetes schema: fields, types, what is required, how lists merge."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from pathlib import Path
from typing import Any, get_args

import kubernetes_validate
import pytest
from pydantic import BaseModel

import nsorch.resources
from nsorch.resources.base import Model
from nsorch.resources.kinds import REGISTRY
from nsorch.resources.merging import merging_of
from nsorch.resources.meta import Resource
from nsorch.resources.shapes import shapes

SCHEMA = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / "v1.33.0-local" / "_definitions.json"
DEFINITIONS: dict[str, Any] = json.loads(SCHEMA.read_text())["$defs"]

PACKAGES = {
    "apps": "io.k8s.api.apps.v1.",
    "definition": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.",
    "jsonschema": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.",
    "endpointslice": "io.k8s.api.discovery.v1.",
    "events": "io.k8s.api.events.v1.",
    "lease": "io.k8s.api.coordination.v1.",
    "rbac": "io.k8s.api.rbac.v1.",
    "scale": "io.k8s.api.autoscaling.v1.",
}
META = "io.k8s.apimachinery.pkg.apis.meta.v1."
CORE = "io.k8s.api.core.v1."
POLICY = "io.k8s.api.policy.v1."
AUTHENTICATION = "io.k8s.api.authentication.v1."
AUTHORIZATION = "io.k8s.api.authorization.v1."

STRICTER = {
    ("Deployment", "spec"),
    ("Pod", "spec"),
    ("PodTemplateSpec", "spec"),
    ("ReplicaSet", "spec"),
    ("ReplicaSetSpec", "template"),
}
"""Required here although optional in the schema: Kubernetes' own validation refuses objects without them."""

ZERO = {
    ("ReplicaSetStatus", "replicas"),
    ("ScaleStatus", "replicas"),
    ("SubjectRulesReviewStatus", "nonResourceRules"),
    ("SubjectRulesReviewStatus", "resourceRules"),
    ("TokenRequestSpec", "audiences"),
    ("TokenRequestStatus", "expirationTimestamp"),
    ("TokenRequestStatus", "token"),
}
"""Zero or empty if absent although required in the schema, as Go has it."""


def _definition(model: type[BaseModel]) -> str | None:
    module = model.__module__.rpartition(".")[2]
    candidates = (
        PACKAGES.get(module, "") + model.__name__,
        CORE + model.__name__,
        META + model.__name__,
        POLICY + model.__name__,
        AUTHENTICATION + model.__name__,
        AUTHORIZATION + model.__name__,
    )
    return next((name for name in candidates if name in DEFINITIONS), None)


def _models() -> dict[str, type[BaseModel]]:
    found: dict[str, type[BaseModel]] = {}
    for module in pkgutil.iter_modules(nsorch.resources.__path__):
        loaded = importlib.import_module(f"nsorch.resources.{module.name}")
        for value in vars(loaded).values():
            if (
                isinstance(value, type)
                and issubclass(value, Model)
                and value.__module__ == loaded.__name__
                and value not in (Model, Resource)
            ):
                name = _definition(value)
                assert name is not None, f"{value} is not in the official schema"
                found[name] = value
    return found


MODELS = _models()


def _reachable() -> set[str]:
    """Every definition that a served kind contains."""
    seen: set[str] = set()
    todo = [name for name, model in MODELS.items() if any(kind.model is model for kind in REGISTRY.kinds)]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += re.findall(r'#/\$defs/([^"]+)"', json.dumps(DEFINITIONS[name]))
    return {name for name in seen if "properties" in DEFINITIONS[name]}


def _kind_of(schema: dict[str, Any]) -> tuple[str, str]:
    """(container, type) of a field of the official schema, in the terms of ``Shape``."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        scalar = {"Time": "time", "MicroTime": "time", "Quantity": "string", "IntOrString": "int-or-string"}
        scalar |= dict.fromkeys(("JSON", "JSONSchemaPropsOrBool", "JSONSchemaPropsOrStringArray"), "any")
        scalar["JSONSchemaPropsOrArray"] = name.replace("JSONSchemaPropsOrArray", "JSONSchemaProps")
        return "", scalar.get(name.rpartition(".")[2], name)
    kind = next(one for one in [schema["type"]] if one) if isinstance(schema["type"], str) else schema["type"][0]
    if kind == "array":
        return "list", _kind_of(schema["items"])[1]
    if kind == "object" and "additionalProperties" in schema:
        container, inner = _kind_of(schema["additionalProperties"])
        return "map", "any" if container else inner
    if kind == "object":
        return "map", "any"
    return "", kind


def _kind_of_shape(model: type[BaseModel], name: str) -> tuple[str, str]:
    shape = shapes(model)[name]
    if shape.model is not None:
        inner = next(official for official, one in MODELS.items() if one is shape.model)
    elif shape.type is int:
        inner = "integer"
    elif shape.type is float:
        inner = "number"
    elif shape.type is bool:
        inner = "boolean"
    elif shape.type is str:
        inner = "string"
    elif set(get_args(shape.type)) == {int, str}:
        inner = "int-or-string"
    else:
        inner = "any"
    return shape.container, inner


def test_every_definition_inside_a_served_kind_has_a_model() -> None:
    assert _reachable() - set(MODELS) == set()


@pytest.mark.parametrize("official", sorted(MODELS), ids=lambda name: name.rpartition("api.")[2])
def test_model_is_the_official_schema(official: str) -> None:
    model = MODELS[official]
    definition = DEFINITIONS[official]
    properties = definition.get("properties", {})
    assert set(shapes(model)) == set(properties)
    required = set(definition.get("required", ()))
    for name, schema in properties.items():
        container, kind = _kind_of(schema)
        expected = (container, "string" if kind == "time" else kind)
        if (model.__name__, name) in {("ManagedFieldsEntry", "fieldsV1"), ("Event", "metadata")}:
            continue
        assert _kind_of_shape(model, name) == expected, name
        key = (model.__name__, name)
        assert shapes(model)[name].required is ((name in required or key in STRICTER) and key not in ZERO), name
        merging = merging_of(model, name)
        assert merging.strategy == schema.get("x-kubernetes-patch-strategy", ""), name
        assert merging.merge_key == schema.get("x-kubernetes-patch-merge-key", ""), name
        assert merging.list_type == schema.get("x-kubernetes-list-type"), name
        assert list(merging.list_keys) == schema.get("x-kubernetes-list-map-keys", []), name


@pytest.mark.parametrize("official", sorted(MODELS), ids=lambda name: name.rpartition("api.")[2])
def test_integer_widths_are_the_official_ones(official: str) -> None:
    model = MODELS[official]
    for name, schema in DEFINITIONS[official].get("properties", {}).items():
        if "integer" in str(schema.get("type")):
            assert shapes(model)[name].go_type == schema["format"], name


def test_group_version_and_kind_are_the_official_ones() -> None:
    for official, model in MODELS.items():
        if issubclass(model, Resource):
            known = DEFINITIONS[official]["x-kubernetes-group-version-kind"]
            group, _, version = model.GROUP_VERSION.rpartition("/")
            assert {"group": group, "kind": model.KIND, "version": version} in known
