"""Server-side apply: a manager declares the fields that it wants; the server keeps track of who wants what.

What the manager declared earlier and no longer does goes, unless another manager owns it too. A field that another
manager owns with another value is a conflict; with ``force`` it changes hands.
Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from nsorch.api.failures import Failure
from nsorch.api.patch import fields
from nsorch.api.patch.fields import Fields
from nsorch.api.patch.json_patch import equal


@dataclass(frozen=True, slots=True)
class Owner:
    """One manager's set of fields: one entry of ``managedFields``."""

    manager: str
    operation: str
    api_version: str
    subresource: str
    fields: Fields

    @property
    def identity(self) -> tuple[str, str, str]:
        return self.manager, self.operation, self.subresource


@dataclass(frozen=True, slots=True)
class Applied:
    """The outcome: the object, and who owns what from now on."""

    document: dict[str, Any]
    owners: list[Owner]


def apply(
    model: type[BaseModel],
    live: dict[str, Any],
    wanted: dict[str, Any],
    owners: Sequence[Owner],
    me: Owner,
    canonical: Callable[[dict[str, Any]], dict[str, Any]],
    *,
    force: bool = False,
    yielded: Fields = frozenset(),
) -> Applied:
    """Apply ``wanted`` to ``live`` ({} to create) for ``me`` (whose ``fields`` are ignored).

    If all contested fields are among ``yielded`` they change hands as with ``force``. ``canonical`` gives a document as
    it would be stored ("1000m" is "1"), without fields that the model does not know.

    Raises Failure 409 with one cause for each field that another manager holds.
    """
    merged = fields.merge(model, live, wanted)
    after = fields.of(model, canonical(merged))
    mine = frozenset(fields.of(model, wanted)) & after.keys()
    present = fields.of(model, live)
    differing = frozenset(path for path in mine & present.keys() if not equal(present[path], after[path]))
    others = [owner for owner in owners if owner.identity != me.identity]
    contested = [(owner, sorted(owner.fields & differing)) for owner in others if owner.fields & differing]
    if contested and not force and not all(path in yielded for _, paths in contested for path in paths):
        raise _conflict(contested)
    others = [replace(owner, fields=owner.fields - differing) for owner in others]

    before = next((owner.fields for owner in owners if owner.identity == me.identity), frozenset())
    held = frozenset().union(*(owner.fields for owner in others))
    held_parents = {path[:length] for path in held for length in range(1, len(path) + 1)}
    dropped = [path for path in before - mine if path not in held_parents]
    document = fields.remove(model, merged, dropped)
    return Applied(document, [*(owner for owner in others if owner.fields), replace(me, fields=mine)])


def updated(
    model: type[BaseModel], before: dict[str, Any], after: dict[str, Any], owners: Sequence[Owner], me: Owner
) -> list[Owner]:
    """Who owns what after an ordinary write by ``me``: what it changed is its own, what it removed is nobody's."""
    old, new = fields.of(model, before), fields.of(model, after)
    touched = fields.changed(old, new)
    gone = old.keys() - new.keys()
    result = []
    mine = touched
    for owner in owners:
        if owner.identity == me.identity:
            mine |= owner.fields - gone
        else:
            kept = owner.fields - gone - touched
            if kept:
                result.append(replace(owner, fields=kept))
    return [*result, replace(me, fields=mine)] if mine else result


def _conflict(contested: list[tuple[Owner, list[fields.Path]]]) -> Failure:
    causes: list[dict[str, str]] = []
    lines = []
    for owner, paths in contested:
        whom = f'"{owner.manager}"'
        if owner.subresource:
            whom += f' with subresource "{owner.subresource}"'
        whom += f" using {owner.api_version}"
        causes.extend(
            {"reason": "FieldManagerConflict", "message": f"conflict with {whom}", "field": fields.text(path)}
            for path in paths
        )
        texts = [fields.text(path) for path in paths]
        word = "conflict" if len(paths) == 1 else "conflicts"
        lines.append(f"{word} with {whom}: " + (texts[0] if len(texts) == 1 else "\n- " + "\n- ".join(texts)))
    number = len(causes)
    message = f"Apply failed with {number} conflict{'s' if number > 1 else ''}: " + "\n".join(lines)
    return Failure(409, "Conflict", message, {"causes": causes})
