"""Event (events.k8s.io/v1): the newer form of the same record."""

from __future__ import annotations

from typing import ClassVar

from nsorch.resources.base import Model
from nsorch.resources.common import ObjectReference
from nsorch.resources.event import EventSource
from nsorch.resources.meta import MicroTime, Resource, Time
from nsorch.resources.scalars import Int32


class EventSeries(Model):
    """How often an Event has been repeated, and when last."""

    count: Int32
    """How often so far."""
    lastObservedTime: MicroTime
    """When last."""


class Event(Resource):
    """A report of something that happened to an object, in its newer form."""

    GROUP_VERSION: ClassVar[str] = "events.k8s.io/v1"
    KIND: ClassVar[str] = "Event"

    eventTime: MicroTime
    """When it happened, with microseconds."""
    action: str | None = None
    """What was done or failed."""
    deprecatedCount: Int32 | None = None
    deprecatedFirstTimestamp: Time | None = None
    deprecatedLastTimestamp: Time | None = None
    deprecatedSource: EventSource | None = None
    note: str | None = None
    """What happened, in a sentence for people."""
    reason: str | None = None
    """Why it happened, in one CamelCase word for programs."""
    regarding: ObjectReference | None = None
    """The object that it is about."""
    related: ObjectReference | None = None
    """A second object that is involved."""
    reportingController: str | None = None
    reportingInstance: str | None = None
    """Which instance of the controller reports."""
    series: EventSeries | None = None
    """Repetitions, if any."""
    type: str | None = None
    """Normal or Warning."""
