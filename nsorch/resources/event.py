"""Event (v1): something that happened to an object."""

from __future__ import annotations

from typing import ClassVar

from nsorch.resources.base import Model
from nsorch.resources.common import ObjectReference
from nsorch.resources.meta import MicroTime, Resource, Time
from nsorch.resources.scalars import Int32


class EventSource(Model):
    """Who reported an Event."""

    component: str | None = None
    """The component that reports."""
    host: str | None = None
    """The node that reports."""


class EventSeries(Model):
    """How often an Event has been repeated, and when last."""

    count: Int32 | None = None
    """How often so far."""
    lastObservedTime: MicroTime | None = None
    """When last."""


class Event(Resource):
    """A report of something that happened to an object; kept for a limited time."""

    GROUP_VERSION: ClassVar[str] = "v1"
    KIND: ClassVar[str] = "Event"

    involvedObject: ObjectReference
    """The object that it is about."""
    action: str | None = None
    """What was done or failed."""
    count: Int32 | None = None
    """How often it happened."""
    eventTime: MicroTime | None = None
    """When it happened, with microseconds."""
    firstTimestamp: Time | None = None
    """When it happened first."""
    lastTimestamp: Time | None = None
    """When it happened last."""
    message: str | None = None
    """What happened, in a sentence for people."""
    reason: str | None = None
    """Why it happened, in one CamelCase word for programs."""
    related: ObjectReference | None = None
    """A second object that is involved."""
    reportingComponent: str | None = None
    """The controller that reports."""
    reportingInstance: str | None = None
    """Which instance of the controller reports."""
    series: EventSeries | None = None
    """Repetitions, if any."""
    source: EventSource | None = None
    """Who reports it."""
    type: str | None = None
    """Normal or Warning."""
