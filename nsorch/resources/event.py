"""Event (v1): something that happened to an object."""

from __future__ import annotations

from typing import ClassVar

from nsorch.resources.base import Model
from nsorch.resources.common import ObjectReference
from nsorch.resources.meta import MicroTime, Resource, Time
from nsorch.resources.scalars import Int32


class EventSource(Model):
    """``EventSource``."""

    component: str | None = None
    host: str | None = None


class EventSeries(Model):
    """``EventSeries``."""

    count: Int32 | None = None
    lastObservedTime: MicroTime | None = None


class Event(Resource):
    """``Event``."""

    GROUP_VERSION: ClassVar[str] = "v1"
    KIND: ClassVar[str] = "Event"

    involvedObject: ObjectReference
    action: str | None = None
    count: Int32 | None = None
    eventTime: MicroTime | None = None
    firstTimestamp: Time | None = None
    lastTimestamp: Time | None = None
    message: str | None = None
    reason: str | None = None
    related: ObjectReference | None = None
    reportingComponent: str | None = None
    reportingInstance: str | None = None
    series: EventSeries | None = None
    source: EventSource | None = None
    type: str | None = None
