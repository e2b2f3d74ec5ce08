"""Parts of the create and update strategies that several kinds share."""

from __future__ import annotations

from typing import Any, TypeVar

from nsorch.resources.meta import Resource

T = TypeVar("T", bound=Resource)


def generation_on_create(obj: Resource) -> None:
    """A new object's spec is the first one."""
    obj.metadata.generation = 1


def generation_on_update(new: Resource, old: Resource, *, changed: bool) -> None:
    """Count up when what is desired has changed."""
    before = old.metadata.generation or 1
    new.metadata.generation = before + 1 if changed else before


def only_status(new: Any, old: Any) -> None:
    """Make ``new`` the old object with the new status: what every write to ``/status`` does.

    Of the metadata only ``resourceVersion`` (the caller's precondition) and ``managedFields`` are the new ones.
    """
    for name in type(new).model_fields:
        if name not in ("status", "metadata"):
            setattr(new, name, getattr(old, name))
    kept = {"resourceVersion": new.metadata.resourceVersion, "managedFields": new.metadata.managedFields}
    new.metadata = old.metadata.model_copy(update=kept)
