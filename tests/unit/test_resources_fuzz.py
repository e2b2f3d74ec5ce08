"""Whatever a client sends that has the right types is either refused in words or accepted: no hook ever fails."""

from __future__ import annotations

import random
from typing import Any

import pytest

from nsorch.resources.errors import decode, decode_data
from nsorch.resources.jsonschema import JSONSchemaProps
from nsorch.resources.kinds import REGISTRY
from nsorch.resources.registry import Kind
from nsorch.resources.shapes import Shape, shapes

TEXTS = [
    "",
    "a",
    "A b",
    "web",
    "None",
    "80",
    "-",
    "25%",
    "x" * 300,
    "ä",
    "10.0.0.1",
    "::1",
    "../x",
    "/",
    "In",
    "Exists",
]
WORDS = ["Always", "Never", "TCP", "ClusterIP", "ExternalName", "RollingUpdate", "Recreate", "kubernetes", "Localhost"]
NUMBERS = [0, 1, -1, 80, 30000, 70000, 2**31 - 1]
AMOUNTS = ["0", "1", "100m", "1Gi", "-1", "1e3"]
TIME = "2024-01-01T00:00:00Z"


def _value(rng: random.Random, shape: Shape, depth: int) -> Any:
    if shape.model is not None:
        return _document(rng, shape.model, depth + 1)
    if shape.type is bool:
        return rng.random() < 0.5
    if shape.type is int:
        return rng.choice(NUMBERS)
    if shape.type is float:
        return float(rng.choice(NUMBERS))
    if shape.type is str:
        lowered = shape.name.lower()
        if lowered.endswith(("time", "timestamp", "at", "timeadded")):
            return TIME
        return rng.choice(TEXTS + WORDS)
    if shape.name in ("port", "targetPort", "maxSurge", "maxUnavailable"):
        return rng.choice([*NUMBERS, *TEXTS])
    return {}


def _field(rng: random.Random, shape: Shape, depth: int) -> Any:
    if shape.container == "list":
        return [_value(rng, shape, depth) for _ in range(rng.randrange(3))]
    if shape.container == "map":
        amounts = shape.name in ("limits", "requests", "overhead", "capacity", "allocatable", "allocatedResources")
        keys = rng.sample(["a", "cpu", "memory", "x/y", "", "A b"], rng.randrange(3))
        return {key: rng.choice(AMOUNTS) if amounts else _value(rng, shape, depth) for key in keys}
    if shape.type is str and shape.name in ("divisor", "sizeLimit"):
        return rng.choice(AMOUNTS)
    return _value(rng, shape, depth)


def _document(rng: random.Random, model: Any, depth: int = 0) -> dict[str, Any]:
    """Random data with the right types: required fields always, others the less often the deeper."""
    chance = 0.5 if depth < 4 else 0.25
    deepest = 6 if model is JSONSchemaProps else 9  # a schema has schemas in twenty of its fields
    return {
        name: _field(rng, shape, depth)
        for name, shape in shapes(model).items()
        if shape.required or (rng.random() < chance and depth < deepest)
    }


@pytest.mark.parametrize("kind", REGISTRY.kinds, ids=lambda kind: kind.resource)
def test_hooks_stand_any_well_typed_object(kind: Kind[Any]) -> None:
    rng = random.Random(kind.resource)
    old: Any = None
    for _ in range(150):
        obj = decode_data(kind.model, _document(rng, kind.model))
        kind.default(obj)
        again = obj.copy_deep()
        kind.default(again)
        assert again == obj, "defaulting twice changes nothing more"
        kind.prepare_create(obj)
        for cause in kind.validate(obj):
            assert cause.message
        assert all(isinstance(text, str) for text in kind.warnings(obj))
        for column in kind.columns:
            assert isinstance(column.cell(obj, 2e9), str | int | None)
        assert all(isinstance(value(obj), str) for value in kind.fields.values())
        if kind.grace_seconds is not None:
            assert kind.grace_seconds(obj) >= 0
        if old is not None:
            new = obj.copy_deep()
            kind.prepare_update(new, old)
            kind.validate_update(new, old)
            if kind.prepare_status is not None:
                status = obj.copy_deep()
                kind.prepare_status(status, old)
                kind.validate_status(status, old)
        assert decode(kind.model, obj.to_json()) == obj
        old = obj
