"""EndpointSlice (discovery.k8s.io/v1): the addresses behind a Service."""

from __future__ import annotations

from typing import Annotated, ClassVar

from nsorch.resources.base import Model
from nsorch.resources.common import ObjectReference
from nsorch.resources.merging import ATOMIC, SET
from nsorch.resources.meta import Resource
from nsorch.resources.scalars import Int32


class EndpointConditions(Model):
    """``EndpointConditions``."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class ForZone(Model):
    """``ForZone``."""

    name: str


class ForNode(Model):
    """``ForNode``."""

    name: str


class EndpointHints(Model):
    """``EndpointHints``."""

    forNodes: Annotated[list[ForNode] | None, ATOMIC] = None
    forZones: Annotated[list[ForZone] | None, ATOMIC] = None


class Endpoint(Model):
    """``Endpoint``."""

    addresses: Annotated[list[str], SET]
    conditions: EndpointConditions | None = None
    deprecatedTopology: dict[str, str] | None = None
    hints: EndpointHints | None = None
    hostname: str | None = None
    nodeName: str | None = None
    targetRef: ObjectReference | None = None
    zone: str | None = None


class EndpointPort(Model):
    """``EndpointPort``."""

    appProtocol: str | None = None
    name: str | None = None
    port: Int32 | None = None
    protocol: str | None = None


class EndpointSlice(Resource):
    """``EndpointSlice``."""

    GROUP_VERSION: ClassVar[str] = "discovery.k8s.io/v1"
    KIND: ClassVar[str] = "EndpointSlice"

    addressType: str
    endpoints: Annotated[list[Endpoint], ATOMIC]
    ports: Annotated[list[EndpointPort] | None, ATOMIC] = None
