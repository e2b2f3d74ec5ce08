"""Scale (autoscaling/v1): the ``scale`` subresource of kinds with replicas."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from nsorch.resources.base import Model
from nsorch.resources.meta import Resource
from nsorch.resources.scalars import Int32


class ScaleSpec(Model):
    """How many replicas are wanted."""

    replicas: Int32 | None = None
    """How many replicas are wanted."""


class ScaleStatus(Model):
    """How many replicas there are."""

    replicas: Int32 = 0
    """How many replicas there are."""
    selector: str | None = None
    """The label selector of the replicas, as text."""


class Scale(Resource):
    """The number of replicas of an object that can be scaled."""

    GROUP_VERSION: ClassVar[str] = "autoscaling/v1"
    KIND: ClassVar[str] = "Scale"

    spec: ScaleSpec = Field(default_factory=ScaleSpec)
    status: ScaleStatus = Field(default_factory=ScaleStatus)
