"""Small objects of several kinds, and what the API does with them before it stores them."""

from __future__ import annotations

import copy
from typing import Any

from nsorch.resources.kinds import REGISTRY
from nsorch.resources.meta import Resource
from nsorch.resources.registry import Cause

Data = dict[str, Any]

POD: Data = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"containers": [{"name": "c", "image": "nginx:1.25"}]},
}
DEPLOYMENT: Data = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": POD["spec"]},
    },
}
SERVICE: Data = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
}


def changed(document: Data, path: str, value: Any) -> Data:
    """A copy of the document with ``a.b.0.c`` set to the value."""
    document = copy.deepcopy(document)
    at: Any = document
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for index, part in enumerate(parents):
        if isinstance(at, dict) and part not in at:
            at[part] = [{}] if isinstance([*parents, last][index + 1], int) else {}
        at = at[part]
    at[last] = value
    return document


def made(document: Data) -> Any:
    """The object as the API would have it before validation on create."""
    kind = REGISTRY.named(document["apiVersion"], document["kind"])
    assert kind is not None
    obj = kind.model.from_dict(document)
    kind.default(obj)
    kind.prepare_create(obj)
    return obj


def wrong(document: Data) -> list[tuple[str, str]]:
    """(field, message) of everything wrong with a new object."""
    obj = made(document)
    return [(cause.field, cause.message) for cause in REGISTRY.of(type(obj)).validate(obj)]


def update(old: Resource, document: Data) -> tuple[Any, list[Cause]]:
    """The object after an update, and what is wrong with it."""
    kind = REGISTRY.of(type(old))
    new = kind.model.from_dict(document)
    kind.default(new)
    kind.prepare_update(new, old)
    return new, kind.validate_update(new, old)
