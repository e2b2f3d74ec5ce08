"""Scale (autoscaling/v1): the ``scale`` subresource of kinds with replicas."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from nsorch.resources.base import Model
from nsorch.resources.meta import Resource
from nsorch.resources.scalars import Int32


class ScaleSpec(Model):
    """``ScaleSpec``."""

    replicas: Int32 | None = None


class ScaleStatus(Model):
    """``ScaleStatus``."""

    replicas: Int32 = 0
    selector: str | None = None


class Scale(Resource):
    """``Scale``."""

    GROUP_VERSION: ClassVar[str] = "autoscaling/v1"
    KIND: ClassVar[str] = "Scale"

    spec: ScaleSpec = Field(default_factory=ScaleSpec)
    status: ScaleStatus = Field(default_factory=ScaleStatus)
