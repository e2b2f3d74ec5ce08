"""Lease (coordination.k8s.io/v1): who leads, until when."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from nsorch.resources.base import Model
from nsorch.resources.meta import MicroTime, Resource
from nsorch.resources.scalars import Int32


class LeaseSpec(Model):
    """Who holds a lease and for how long."""

    acquireTime: MicroTime | None = None
    """When the holder got it."""
    holderIdentity: str | None = None
    """Who holds the lease."""
    leaseDurationSeconds: Int32 | None = None
    """Seconds after renewTime until others may take it."""
    leaseTransitions: Int32 | None = None
    """How often the holder changed."""
    preferredHolder: str | None = None
    renewTime: MicroTime | None = None
    """When the holder renewed it last."""
    strategy: str | None = None


class Lease(Resource):
    """A lock with an expiry date, for elections of a leader and heartbeats."""

    GROUP_VERSION: ClassVar[str] = "coordination.k8s.io/v1"
    KIND: ClassVar[str] = "Lease"

    spec: LeaseSpec = Field(default_factory=LeaseSpec)
