"""Event (events.k8s.io/v1): the newer form of the same record."""

from __future__ import annotations

from typing import ClassVar

from nsorch.resources.base import Model
from nsorch.resources.common import ObjectReference
from nsorch.resources.event import EventSource
from nsorch.resources.meta import MicroTime, Resource, Time
from nsorch.resources.scalars import Int32


class EventSeries(Model):
    """``EventSeries``."""

    count: Int32
    lastObservedTime: MicroTime


class Event(Resource):
    """``Event``."""

    GROUP_VERSION: ClassVar[str] = "events.k8s.io/v1"
    KIND: ClassVar[str] = "Event"

    eventTime: MicroTime
    action: str | None = None
    deprecatedCount: Int32 | None = None
    deprecatedFirstTimestamp: Time | None = None
    deprecatedLastTimestamp: Time | None = None
    deprecatedSource: EventSource | None = None
    note: str | None = None
    reason: str | None = None
    regarding: ObjectReference | None = None
    related: ObjectReference | None = None
    reportingController: str | None = None
    reportingInstance: str | None = None
    series: EventSeries | None = None
    type: str | None = None
