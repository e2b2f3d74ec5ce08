"""The registry row of Events."""

from __future__ import annotations

from nsorch.resources import checks
from nsorch.resources.ages import since
from nsorch.resources.event import Event
from nsorch.resources.meta_validation import validate_metadata, validate_metadata_update
from nsorch.resources.registry import Cause, Column, Kind

DEFAULT_NAMESPACE = "default"


def validate_event(event: Event) -> list[Cause]:
    """An Event lives in the namespace of the object it is about; ``default`` for cluster-scoped ones."""
    causes = validate_metadata(event.metadata)
    namespace, about = event.metadata.namespace, event.involvedObject.namespace or ""
    if about != namespace and not (not about and namespace in (DEFAULT_NAMESPACE, "kube-system")):
        causes.append(checks.invalid("involvedObject.namespace", about, "does not match event.namespace"))
    return causes


def source(event: Event) -> str:
    """The SOURCE column: ``component, host``."""
    component = (event.source.component if event.source is not None else None) or event.reportingComponent or ""
    host = (event.source.host if event.source is not None else None) or event.reportingInstance or ""
    return f"{component}, {host}" if host else component


def _first(event: Event) -> str | None:
    return event.firstTimestamp or event.eventTime


def _object(event: Event) -> str:
    about = event.involvedObject
    return f"{(about.kind or '').lower()}/{about.name or ''}" if about.name else (about.kind or "").lower()


def _seen(event: Event, now: float) -> str:
    # kubectl's own ``get events`` prints plain ages; the count has its own wide column.
    last = (event.series.lastObservedTime if event.series is not None else None) or event.lastTimestamp
    return since(last or _first(event), now)


EVENT_COLUMNS: tuple[Column[Event], ...] = (
    Column("Last Seen", _seen, description="Time since it happened last."),
    Column("Type", lambda obj, now: obj.type or "", description="Normal or Warning."),
    Column("Reason", lambda obj, now: obj.reason or "", description="Why, in one word."),
    Column("Object", lambda obj, now: _object(obj), description="What it is about."),
    Column(
        "Subobject",
        lambda obj, now: obj.involvedObject.fieldPath or "",
        priority=1,
        description="The part of the object it is about.",
    ),
    Column("Source", lambda obj, now: source(obj), priority=1, description="Who reports it."),
    Column("Message", lambda obj, now: (obj.message or "").strip(), description="What happened."),
    Column(
        "First Seen",
        lambda obj, now: since(_first(obj), now),
        priority=1,
        description="Time since it happened first.",
    ),
    Column(
        "Count",
        lambda obj, now: (obj.series.count if obj.series is not None else None) or obj.count or 1,
        type="integer",
        priority=1,
        description="How often it happened.",
    ),
    Column("Name", lambda obj, now: obj.metadata.name, priority=1, format="name", description="The Event's own name."),
)

EVENT = Kind(
    model=Event,
    plural="events",
    singular="event",
    short_names=("ev",),
    columns=EVENT_COLUMNS,
    validate=validate_event,
    validate_update=lambda new, old: validate_metadata_update(new.metadata, old.metadata),
    fields={
        "involvedObject.kind": lambda obj: obj.involvedObject.kind or "",
        "involvedObject.namespace": lambda obj: obj.involvedObject.namespace or "",
        "involvedObject.name": lambda obj: obj.involvedObject.name or "",
        "involvedObject.uid": lambda obj: obj.involvedObject.uid or "",
        "involvedObject.apiVersion": lambda obj: obj.involvedObject.apiVersion or "",
        "involvedObject.resourceVersion": lambda obj: obj.involvedObject.resourceVersion or "",
        "involvedObject.fieldPath": lambda obj: obj.involvedObject.fieldPath or "",
        "reason": lambda obj: obj.reason or "",
        "reportingComponent": lambda obj: obj.reportingComponent or "",
        "source": lambda obj: (
            (obj.source.component if obj.source is not None else None) or obj.reportingComponent or ""
        ),
        "type": lambda obj: obj.type or "",
    },
)
