"""A statement says what one field does here; a section holds those of one model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from nsorch.resources.base import Model

Effect = Literal["works", "partly", "warned", "refused"]


@dataclass(frozen=True)
class Statement:
    """``name`` is the field's. ``value``: one that is warned about or refused (unless the field simply works)."""

    name: str
    effect: Effect
    note: str = ""
    value: Any = None
    also: Mapping[str, Any] = field(default_factory=dict)
    """What else the example needs, by path from the top of the object."""


@dataclass(frozen=True)
class Section:
    """All fields of ``model``, which stands at ``path`` (``spec.containers.0``) in ``base``, a valid object."""

    title: str
    model: type[Model]
    base: Mapping[str, Any]
    path: str
    statements: tuple[Statement, ...]


def works(names: str, note: str = "") -> tuple[Statement, ...]:
    """The fields (separated by spaces) do what Kubernetes says."""
    return tuple(Statement(name, "works", note) for name in names.split())


def partly(name: str, note: str, value: Any, **also: Any) -> Statement:
    """The field works; values such as ``value`` are stored with a warning."""
    return Statement(name, "partly", note, value, also)


def warned(name: str, note: str, value: Any, also: Mapping[str, Any] | None = None) -> Statement:
    """The field is stored and a Warning says that it does nothing."""
    return Statement(name, "warned", note, value, also or {})


def refused(name: str, note: str, value: Any) -> Statement:
    """The object is refused with 422."""
    return Statement(name, "refused", note, value)
