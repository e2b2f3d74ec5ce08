"""Endpoints (v1): the older form of EndpointSlice, one object per Service."""

from __future__ import annotations

from typing import Annotated, ClassVar

from nsorch.resources.base import Model
from nsorch.resources.common import ObjectReference
from nsorch.resources.merging import ATOMIC
from nsorch.resources.meta import Resource
from nsorch.resources.scalars import Int32


class EndpointAddress(Model):
    """``EndpointAddress``."""

    ip: str
    hostname: str | None = None
    nodeName: str | None = None
    targetRef: ObjectReference | None = None


class EndpointPort(Model):
    """``EndpointPort``."""

    port: Int32
    appProtocol: str | None = None
    name: str | None = None
    protocol: str | None = None


class EndpointSubset(Model):
    """``EndpointSubset``."""

    addresses: Annotated[list[EndpointAddress] | None, ATOMIC] = None
    notReadyAddresses: Annotated[list[EndpointAddress] | None, ATOMIC] = None
    ports: Annotated[list[EndpointPort] | None, ATOMIC] = None


class Endpoints(Resource):
    """``Endpoints``."""

    GROUP_VERSION: ClassVar[str] = "v1"
    KIND: ClassVar[str] = "Endpoints"

    subsets: Annotated[list[EndpointSubset] | None, ATOMIC] = None
