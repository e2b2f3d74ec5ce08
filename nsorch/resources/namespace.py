"""Namespace: the scope of names, and the unit of deletion."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from nsorch.resources.base import Model
from nsorch.resources.merging import ATOMIC, MERGE_BY_TYPE
from nsorch.resources.meta import Resource, Time


class NamespaceSpec(Model):
    """What must be done before a namespace may go away."""

    finalizers: Annotated[list[str] | None, ATOMIC] = None
    """Who must finish before the object goes away."""


class NamespaceCondition(Model):
    """One observed fact about a namespace that is being deleted."""

    status: str
    """True, False or Unknown."""
    type: str
    """What the fact is about."""
    lastTransitionTime: Time | None = None
    """When the status last changed."""
    message: str | None = None
    """Why, in a sentence for people."""
    reason: str | None = None
    """Why, in one CamelCase word for programs."""


class NamespaceStatus(Model):
    """Whether a namespace lives or is going away."""

    conditions: Annotated[list[NamespaceCondition] | None, MERGE_BY_TYPE] = None
    """Observed facts, one per type."""
    phase: str | None = None
    """Active or Terminating."""


class Namespace(Resource):
    """A scope for names; deleting it deletes everything inside."""

    GROUP_VERSION: ClassVar[str] = "v1"
    KIND: ClassVar[str] = "Namespace"

    spec: NamespaceSpec = Field(default_factory=NamespaceSpec)
    """What holds back its deletion."""
    status: NamespaceStatus = Field(default_factory=NamespaceStatus)
    """The last observed state."""
