"""Pieces that many kinds share: label selectors, conditions, references to other objects."""

from __future__ import annotations

from typing import Annotated

from nsorch.resources.base import Model
from nsorch.resources.merging import ATOMIC
from nsorch.resources.meta import Time
from nsorch.resources.scalars import Int64


class LabelSelectorRequirement(Model):
    """``LabelSelectorRequirement``."""

    key: str
    operator: str
    values: Annotated[list[str] | None, ATOMIC] = None


class LabelSelector(Model):
    """``LabelSelector``."""

    matchExpressions: Annotated[list[LabelSelectorRequirement] | None, ATOMIC] = None
    matchLabels: dict[str, str] | None = None


class Condition(Model):
    """``Condition``."""

    lastTransitionTime: Time
    message: str
    reason: str
    status: str
    type: str
    observedGeneration: Int64 | None = None


class LocalObjectReference(Model):
    """``LocalObjectReference``."""

    name: str | None = None


class ObjectReference(Model):
    """``ObjectReference``."""

    apiVersion: str | None = None
    fieldPath: str | None = None
    kind: str | None = None
    name: str | None = None
    namespace: str | None = None
    resourceVersion: str | None = None
    uid: str | None = None


class TypedLocalObjectReference(Model):
    """``TypedLocalObjectReference``."""

    kind: str
    name: str
    apiGroup: str | None = None


class TypedObjectReference(Model):
    """``TypedObjectReference``."""

    kind: str
    name: str
    apiGroup: str | None = None
    namespace: str | None = None
