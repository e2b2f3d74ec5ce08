"""The registry row of ``events.k8s.io/v1`` Event: another form of the Events that are stored as ``v1``.

Source: kubernetes ``pkg/apis/events/v1/conversion.go`` and ``pkg/apis/core/validation/events.go``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from nsorch.kit.clock import parse_rfc3339, rfc3339_micro
from nsorch.resources import checks, names
from nsorch.resources.common import ObjectReference
from nsorch.resources.event import Event as Stored
from nsorch.resources.event import EventSeries as StoredSeries
from nsorch.resources.event_kind import EVENT
from nsorch.resources.events import Event, EventSeries
from nsorch.resources.meta_validation import validate_metadata_update
from nsorch.resources.registry import Cause, Column, Kind, View

MAX_NOTE = 1024
MAX_WORD = 128
"""Characters of action, reason and reportingInstance."""
FIXED = (
    "regarding",
    "related",
    "reason",
    "note",
    "action",
    "type",
    "reportingController",
    "reportingInstance",
    "eventTime",
    "deprecatedSource",
    "deprecatedFirstTimestamp",
    "deprecatedLastTimestamp",
    "deprecatedCount",
)
"""Everything but the metadata and the series: a report does not change, it is repeated."""
FIELDS = {"regarding": "involvedObject", "reportingController": "reportingComponent"}
"""Field selectors whose names differ from the stored form's, or begin so."""


def to_stored(event: Event, old: Stored | None = None) -> Stored:
    """The stored form; ``old`` is the present one, on update."""
    series = event.series
    return Stored(
        apiVersion=Stored.GROUP_VERSION,
        kind=Stored.KIND,
        metadata=event.metadata,
        involvedObject=event.regarding or ObjectReference(),
        action=event.action,
        count=event.deprecatedCount,
        # It never changes; where there was none, what clients saw in its place does not become one.
        eventTime=event.eventTime if old is None else old.eventTime,
        firstTimestamp=event.deprecatedFirstTimestamp,
        lastTimestamp=event.deprecatedLastTimestamp,
        message=event.note,
        reason=event.reason,
        related=event.related,
        reportingComponent=event.reportingController,
        reportingInstance=event.reportingInstance,
        series=StoredSeries(count=series.count, lastObservedTime=series.lastObservedTime) if series else None,
        source=event.deprecatedSource,
        type=event.type,
    )


def from_stored(stored: Stored) -> Event:
    """The newer form. It requires an eventTime: of Events without one it is the time of their first occurrence."""
    series = stored.series
    return Event(
        apiVersion=Event.GROUP_VERSION,
        kind=Event.KIND,
        metadata=stored.metadata,
        eventTime=stored.eventTime or _micro(stored.firstTimestamp or stored.metadata.creationTimestamp),
        action=stored.action,
        deprecatedCount=stored.count,
        deprecatedFirstTimestamp=stored.firstTimestamp,
        deprecatedLastTimestamp=stored.lastTimestamp,
        deprecatedSource=stored.source,
        note=stored.message,
        reason=stored.reason,
        regarding=stored.involvedObject,
        related=stored.related,
        reportingController=stored.reportingComponent,
        reportingInstance=stored.reportingInstance,
        series=EventSeries(count=series.count or 0, lastObservedTime=series.lastObservedTime)
        if series is not None and series.lastObservedTime
        else None,
        type=stored.type,
    )


@lru_cache(maxsize=1024)
def _micro(time: str | None) -> str:
    return rfc3339_micro(parse_rfc3339(time)) if time else rfc3339_micro(0)


def validate(event: Event) -> list[Cause]:
    """Everything wrong with a new Event beside what is wrong with it in its stored form."""
    causes: list[Cause] = []
    for name in ("reportingController", "reportingInstance", "action", "reason"):
        text = getattr(event, name)
        if not text:
            causes.append(checks.required(name))
        elif name == "reportingController":
            causes += checks.invalid_each(name, text, names.qualified_name(text))
        elif len(text) > MAX_WORD:
            causes.append(checks.too_long(name, MAX_WORD))
    if len(event.note or "") > MAX_NOTE:
        causes.append(checks.too_long("note", MAX_NOTE))
    if event.type not in ("Normal", "Warning"):
        causes.append(checks.unsupported("type", event.type or "", ("Normal", "Warning")))
    for name in ("deprecatedFirstTimestamp", "deprecatedLastTimestamp", "deprecatedCount", "deprecatedSource"):
        if getattr(event, name):
            causes.append(checks.invalid(name, "", "needs to be unset"))
    return causes


def validate_update(new: Event, old: Event) -> list[Cause]:
    """Only the metadata and the series may change."""
    causes = validate_metadata_update(new.metadata, old.metadata)
    for name in FIXED:
        causes += checks.immutable(name, getattr(new, name), getattr(old, name))
    return causes


def _selector(name: str) -> str:
    """``regarding.kind`` for ``involvedObject.kind``."""
    for here, there in FIELDS.items():
        if name == there or name.startswith(f"{there}."):
            return here + name[len(there) :]
    return name


class _Last:
    """The stored form of the Event whose row is being made: each of its cells needs it."""

    def __init__(self) -> None:
        self._pair: tuple[Event, Stored] | None = None

    def of(self, event: Event) -> Stored:
        pair = self._pair
        if pair is None or pair[0] is not event:
            pair = self._pair = event, to_stored(event)
        return pair[1]


def _columns(stored: tuple[Column[Stored], ...]) -> tuple[Column[Event], ...]:
    last = _Last()

    def cell(column: Column[Stored]) -> Callable[[Event, float], object]:
        return lambda event, now: column.cell(last.of(event), now)

    return tuple(Column(one.name, cell(one), one.type, one.format, one.priority, one.description) for one in stored)


FIELD_SELECTORS = {_selector(name): read for name, read in EVENT.fields.items() if name != "source"}

EVENTS_EVENT = Kind(
    model=Event,
    plural="events",
    singular="event",
    short_names=("ev",),
    columns=_columns(EVENT.columns),
    validate=validate,
    validate_update=validate_update,
    view=View(of=replace(EVENT, fields=FIELD_SELECTORS), to_stored=to_stored, from_stored=from_stored),
)
