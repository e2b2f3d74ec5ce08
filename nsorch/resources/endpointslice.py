"""EndpointSlice (discovery.k8s.io/v1): the addresses behind a Service."""

from __future__ import annotations

from typing import Annotated, ClassVar

from nsorch.resources.base import Model
from nsorch.resources.common import ObjectReference
from nsorch.resources.merging import ATOMIC, SET
from nsorch.resources.meta import Resource
from nsorch.resources.scalars import Int32


class EndpointConditions(Model):
    """Whether an endpoint takes traffic."""

    ready: bool | None = None
    """Whether it takes new traffic; unknown counts as true."""
    serving: bool | None = None
    """Whether it answers, even while it terminates."""
    terminating: bool | None = None
    """Whether it is going away."""


class ForZone(Model):
    """A zone that should use an endpoint."""

    name: str


class ForNode(Model):
    """A node that should use an endpoint."""

    name: str


class EndpointHints(Model):
    """Who should use an endpoint, for routing close by."""

    forNodes: Annotated[list[ForNode] | None, ATOMIC] = None
    forZones: Annotated[list[ForZone] | None, ATOMIC] = None


class Endpoint(Model):
    """One place behind a Service: its addresses and what is known of them."""

    addresses: Annotated[list[str], SET]
    """Its addresses; clients use the first."""
    conditions: EndpointConditions | None = None
    """Whether it takes traffic."""
    deprecatedTopology: dict[str, str] | None = None
    hints: EndpointHints | None = None
    """Who should use it."""
    hostname: str | None = None
    """The host name."""
    nodeName: str | None = None
    """The node that this is on."""
    targetRef: ObjectReference | None = None
    """The object behind the address, usually a Pod."""
    zone: str | None = None
    """The zone that it is in."""


class EndpointPort(Model):
    """A port of every endpoint of a slice."""

    appProtocol: str | None = None
    """The protocol spoken on the port, such as http or kubernetes.io/h2c."""
    name: str | None = None
    """The name of the Service's port."""
    port: Int32 | None = None
    """The port."""
    protocol: str | None = None
    """TCP (the default), UDP or SCTP."""


class EndpointSlice(Resource):
    """Some of the endpoints behind a Service, at most 1000."""

    GROUP_VERSION: ClassVar[str] = "discovery.k8s.io/v1"
    KIND: ClassVar[str] = "EndpointSlice"

    addressType: str
    """What the addresses are: IPv4, IPv6 or FQDN; never changes."""
    endpoints: Annotated[list[Endpoint], ATOMIC]
    """The endpoints, at most 1000."""
    ports: Annotated[list[EndpointPort] | None, ATOMIC] = None
    """Ports of every endpoint."""
