"""Namespace: the scope of names, and the unit of deletion."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from nsorch.resources.base import Model
from nsorch.resources.merging import ATOMIC, MERGE_BY_TYPE
from nsorch.resources.meta import Resource, Time


class NamespaceSpec(Model):
    """``NamespaceSpec``."""

    finalizers: Annotated[list[str] | None, ATOMIC] = None


class NamespaceCondition(Model):
    """``NamespaceCondition``."""

    status: str
    type: str
    lastTransitionTime: Time | None = None
    message: str | None = None
    reason: str | None = None


class NamespaceStatus(Model):
    """``NamespaceStatus``."""

    conditions: Annotated[list[NamespaceCondition] | None, MERGE_BY_TYPE] = None
    phase: str | None = None


class Namespace(Resource):
    """``Namespace``."""

    GROUP_VERSION: ClassVar[str] = "v1"
    KIND: ClassVar[str] = "Namespace"

    spec: NamespaceSpec = Field(default_factory=NamespaceSpec)
    status: NamespaceStatus = Field(default_factory=NamespaceStatus)
