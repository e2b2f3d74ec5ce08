"""The base of every kind: ``Model``, any piece of Kubernetes schema (``meta.Resource`` adds apiVersion, kind, metadata).

Attribute names are exactly the JSON names of the Kubernetes API (``metadata.resourceVersion``,
``spec.terminationGracePeriodSeconds``); the few that are Python keywords carry a trailing underscore and an
alias (``from_``, ``continue_``). Absent is ``None``; nothing is defaulted by parsing alone.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A piece of Kubernetes schema."""

    model_config = ConfigDict(
        strict=True,
        extra="ignore",
        populate_by_name=True,
        defer_build=True,
        protected_namespaces=(),
    )

    def to_json(self) -> bytes:
        """Canonical JSON bytes: API names, absent fields left out."""
        return self.__pydantic_serializer__.to_json(self, by_alias=True, exclude_none=True)

    def to_dict(self) -> dict[str, Any]:
        """The JSON document as Python data: API names, absent fields left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """Parse JSON-like data; pydantic.ValidationError on wrong types."""
        return cls.model_validate(data)

    def copy_deep(self) -> Self:
        """An independent copy, safe to change."""
        # Several times as fast as copy.deepcopy: JSON data has no cycles, and most fields are absent.
        copy = self.__class__.__new__(self.__class__)
        fields = self.__dict__.copy()
        for name, value in fields.items():
            if value.__class__ not in _IMMUTABLE:
                fields[name] = _copied(value)
        object.__setattr__(copy, "__dict__", fields)
        object.__setattr__(copy, "__pydantic_fields_set__", self.__pydantic_fields_set__.copy())
        object.__setattr__(copy, "__pydantic_extra__", None)
        object.__setattr__(copy, "__pydantic_private__", None)
        return copy


_IMMUTABLE = frozenset((str, int, float, bool, type(None)))


def _copied(value: Any) -> Any:
    if isinstance(value, Model):
        return value.copy_deep()
    if isinstance(value, list):
        return [_copied(item) for item in value]
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return value
