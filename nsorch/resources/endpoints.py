"""Endpoints (v1): the older form of EndpointSlice, one object per Service."""

from __future__ import annotations

from typing import Annotated, ClassVar

from nsorch.resources.base import Model
from nsorch.resources.common import ObjectReference
from nsorch.resources.merging import ATOMIC
from nsorch.resources.meta import Resource
from nsorch.resources.scalars import Int32


class EndpointAddress(Model):
    """One address behind a Service."""

    ip: str
    """The address."""
    hostname: str | None = None
    """The host name."""
    nodeName: str | None = None
    """The node that this is on."""
    targetRef: ObjectReference | None = None
    """The object behind the address, usually a Pod."""


class EndpointPort(Model):
    """A port of every address of a subset."""

    port: Int32
    """The port."""
    appProtocol: str | None = None
    """The protocol spoken on the port, such as http or kubernetes.io/h2c."""
    name: str | None = None
    """The name of the Service's port."""
    protocol: str | None = None
    """TCP (the default), UDP or SCTP."""


class EndpointSubset(Model):
    """Addresses that share the same ports."""

    addresses: Annotated[list[EndpointAddress] | None, ATOMIC] = None
    """Addresses that are ready."""
    notReadyAddresses: Annotated[list[EndpointAddress] | None, ATOMIC] = None
    """Addresses that are not ready."""
    ports: Annotated[list[EndpointPort] | None, ATOMIC] = None
    """Ports of every address."""


class Endpoints(Resource):
    """The addresses behind a Service in the older, single-object form."""

    GROUP_VERSION: ClassVar[str] = "v1"
    KIND: ClassVar[str] = "Endpoints"

    subsets: Annotated[list[EndpointSubset] | None, ATOMIC] = None
    """Groups of addresses with the same ports."""
