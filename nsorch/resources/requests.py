"""Bodies of requests that are never stored: DeleteOptions, Eviction, Binding."""

from __future__ import annotations

from typing import Annotated, ClassVar

from nsorch.resources.base import Model
from nsorch.resources.common import ObjectReference
from nsorch.resources.merging import ATOMIC
from nsorch.resources.meta import Resource
from nsorch.resources.scalars import Int64


class Preconditions(Model):
    """What must be true of an object for a request to be carried out."""

    resourceVersion: str | None = None
    """The version that the object must have."""
    uid: str | None = None
    """The uid that the object must have."""


class DeleteOptions(Model):
    """How an object shall be deleted."""

    apiVersion: str | None = None
    dryRun: Annotated[list[str] | None, ATOMIC] = None
    """All: do everything but store the result."""
    gracePeriodSeconds: Int64 | None = None
    """Seconds to end gracefully; 0 means at once."""
    ignoreStoreReadErrorWithClusterBreakingPotential: bool | None = None
    kind: str | None = None
    orphanDependents: bool | None = None
    """Deprecated form of propagationPolicy."""
    preconditions: Preconditions | None = None
    """What must be true of the object."""
    propagationPolicy: str | None = None
    """What happens to dependents: Orphan, Background or Foreground."""


class Eviction(Resource):
    """Asks to remove a Pod from its node, respecting disruption budgets."""

    GROUP_VERSION: ClassVar[str] = "policy/v1"
    KIND: ClassVar[str] = "Eviction"

    deleteOptions: DeleteOptions | None = None


class Binding(Resource):
    """Ties a Pod to a node."""

    GROUP_VERSION: ClassVar[str] = "v1"
    KIND: ClassVar[str] = "Binding"

    target: ObjectReference
