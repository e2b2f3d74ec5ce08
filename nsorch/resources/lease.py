"""Lease (coordination.k8s.io/v1): who leads, until when."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from nsorch.resources.base import Model
from nsorch.resources.meta import MicroTime, Resource
from nsorch.resources.scalars import Int32


class LeaseSpec(Model):
    """``LeaseSpec``."""

    acquireTime: MicroTime | None = None
    holderIdentity: str | None = None
    leaseDurationSeconds: Int32 | None = None
    leaseTransitions: Int32 | None = None
    preferredHolder: str | None = None
    renewTime: MicroTime | None = None
    strategy: str | None = None


class Lease(Resource):
    """``Lease``."""

    GROUP_VERSION: ClassVar[str] = "coordination.k8s.io/v1"
    KIND: ClassVar[str] = "Lease"

    spec: LeaseSpec = Field(default_factory=LeaseSpec)
