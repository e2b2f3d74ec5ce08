"""Bodies of requests that are never stored: DeleteOptions, Eviction, Binding."""

from __future__ import annotations

from typing import Annotated, ClassVar

from nsorch.resources.base import Model
from nsorch.resources.common import ObjectReference
from nsorch.resources.merging import ATOMIC
from nsorch.resources.meta import Resource
from nsorch.resources.scalars import Int64


class Preconditions(Model):
    """``Preconditions``."""

    resourceVersion: str | None = None
    uid: str | None = None


class DeleteOptions(Model):
    """``DeleteOptions``."""

    apiVersion: str | None = None
    dryRun: Annotated[list[str] | None, ATOMIC] = None
    gracePeriodSeconds: Int64 | None = None
    ignoreStoreReadErrorWithClusterBreakingPotential: bool | None = None
    kind: str | None = None
    orphanDependents: bool | None = None
    preconditions: Preconditions | None = None
    propagationPolicy: str | None = None


class Eviction(Resource):
    """``Eviction``."""

    GROUP_VERSION: ClassVar[str] = "policy/v1"
    KIND: ClassVar[str] = "Eviction"

    deleteOptions: DeleteOptions | None = None


class Binding(Resource):
    """``Binding``."""

    GROUP_VERSION: ClassVar[str] = "v1"
    KIND: ClassVar[str] = "Binding"

    target: ObjectReference
