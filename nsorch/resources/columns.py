"""Columns that every kind's table has, and helpers for the cells of others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nsorch.resources.ages import since
from nsorch.resources.container import Container
from nsorch.resources.registry import Column
from nsorch.resources.selectors import SelectorError, of_selector

NONE = "<none>"

NAME: Column[Any] = Column(
    "Name", lambda obj, now: obj.metadata.name, format="name", description="Unique within a namespace."
)
AGE: Column[Any] = Column(
    "Age", lambda obj, now: since(obj.metadata.creationTimestamp, now), description="Time since it was created."
)


def or_none(text: str | None) -> str:
    """The text, or ``<none>`` if there is none."""
    return text or NONE


def containers(found: Iterable[Container]) -> str:
    """Names of containers, comma-separated."""
    return ",".join(container.name for container in found)


def images(found: Iterable[Container]) -> str:
    """Images of containers, comma-separated."""
    return ",".join(container.image or "" for container in found)


def labels(found: Mapping[str, str] | None) -> str:
    """``a=b,c=d``, or ``<none>``."""
    return ",".join(f"{key}={value}" for key, value in sorted((found or {}).items())) or NONE


def selector(found: Any) -> str:
    """A ``metav1.LabelSelector`` as text; ``<none>`` for the one that selects everything."""
    try:
        return str(of_selector(found)) or NONE
    except SelectorError:
        return "<error>"


def some(texts: list[str], limit: int) -> str:
    """The first ``limit`` of the texts and how many more there are."""
    if not texts:
        return NONE
    shown = ",".join(texts[:limit])
    return f"{shown} + {len(texts) - limit} more..." if len(texts) > limit else shown
