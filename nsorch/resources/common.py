"""Pieces that many kinds share: label selectors, conditions, references to other objects."""

from __future__ import annotations

from typing import Annotated

from nsorch.resources.base import Model
from nsorch.resources.merging import ATOMIC
from nsorch.resources.meta import Time
from nsorch.resources.scalars import Int64


class LabelSelectorRequirement(Model):
    """One condition on one label: a key, an operator and values."""

    key: str
    """The label."""
    operator: str
    """How the values are compared: In, NotIn, Exists, DoesNotExist (nodes also Gt, Lt)."""
    values: Annotated[list[str] | None, ATOMIC] = None
    """The values: some for In and NotIn, none for Exists and DoesNotExist."""


class LabelSelector(Model):
    """Selects objects by their labels; all of its requirements must hold. An empty selector matches everything."""

    matchExpressions: Annotated[list[LabelSelectorRequirement] | None, ATOMIC] = None
    """Further requirements."""
    matchLabels: dict[str, str] | None = None
    """Labels that must be there with exactly these values."""


class Condition(Model):
    """One observed fact about an object."""

    lastTransitionTime: Time
    """When the status last changed."""
    message: str
    """Why, in a sentence for people."""
    reason: str
    """Why, in one CamelCase word for programs."""
    status: str
    """True, False or Unknown."""
    type: str
    """What the fact is about."""
    observedGeneration: Int64 | None = None
    """The metadata.generation that this was observed at."""


class LocalObjectReference(Model):
    """Names an object in the same namespace."""

    name: str | None = None
    """The name of the object."""


class ObjectReference(Model):
    """Names any object, or one version or part of it."""

    apiVersion: str | None = None
    """The API version of the object."""
    fieldPath: str | None = None
    """The part of the object that is meant, such as spec.containers{web}."""
    kind: str | None = None
    """The kind of the object."""
    name: str | None = None
    """The name of the object."""
    namespace: str | None = None
    """The namespace of the object."""
    resourceVersion: str | None = None
    """The version of the object that is meant."""
    uid: str | None = None
    """The uid of the object."""


class TypedLocalObjectReference(Model):
    """Names an object of a given kind in the same namespace."""

    kind: str
    name: str
    apiGroup: str | None = None


class TypedObjectReference(Model):
    """Names an object of a given kind, possibly in another namespace."""

    kind: str
    name: str
    apiGroup: str | None = None
    namespace: str | None = None
