"""Definitions become kinds: from the moment a CustomResourceDefinition is established until it is gone.

Follows the store, so that whoever is answered 201 for a definition can use the kind in the next request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from nsorch.resources.custom.kinds import Models, kinds_of, reread
from nsorch.resources.definition import CustomResourceDefinition
from nsorch.resources.definition_kind import CUSTOM_RESOURCE_DEFINITION
from nsorch.resources.registry import Kind, Registry
from nsorch.store import Change, Store

RESOURCE = CUSTOM_RESOURCE_DEFINITION.resource
PIECE = 25
"""Objects brought into a new form in one turn of the event loop: 5 ms."""


class Definitions:
    """Keeps the registry's custom kinds true to the definitions in the store."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store = store
        self._registry = registry
        self._rows: dict[str, list[Kind[Any]]] = {}
        self._models: dict[str, Models] = {}
        self._unsubscribe: Callable[[], None] | None = None

    def start(self) -> None:
        """Serve the kinds of all stored definitions, and follow what becomes of them."""
        self._unsubscribe = self._store.subscribe(RESOURCE, self._changed)
        found = [record.obj for record in self._store.list(RESOURCE)]
        for definition in found:
            assert isinstance(definition, CustomResourceDefinition)
            self._take(definition)
        self._serve()
        for definition in found:
            # Objects on disk may be older than the present schema; before its first change it cannot be newer.
            if (definition.metadata.generation or 1) > 1 and definition.name in self._rows:
                self._reread(definition.name, at_once=True)

    def stop(self) -> None:
        """Serve no custom kinds any more."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
            self._rows.clear()
            self._registry.serve(())

    def _changed(self, change: Change) -> None:
        definition = change.record.obj
        assert isinstance(definition, CustomResourceDefinition)
        if change.type == "DELETED":
            self._drop(definition.name)
            return
        before = change.previous.obj if change.previous is not None else None
        if isinstance(before, CustomResourceDefinition) and _same(before, definition):
            return
        self._take(definition)
        self._serve()
        if (definition.metadata.generation or 1) > 1 and definition.name in self._rows:
            self._reread(definition.name)

    def _take(self, definition: CustomResourceDefinition) -> None:
        if definition.holds("Established"):
            models = self._models.setdefault(definition.uid, {})
            self._rows[definition.name] = kinds_of(definition, models)

    def _drop(self, name: str) -> None:
        rows = self._rows.pop(name, None)
        if rows is None:
            return
        kept = {row.model for found in self._rows.values() for row in found}
        self._models = {uid: models for uid, models in self._models.items() if kept & set(models.values())}
        self._serve()
        self._store.end_watches(name)

    def _serve(self) -> None:
        self._registry.serve([row for name in sorted(self._rows) for row in self._rows[name]])

    def _reread(self, name: str, *, at_once: bool = False) -> None:
        """Show what is stored in the form that the kind has now. Many objects take several turns of the event loop."""
        kind = self._rows[name][0]
        left = self._store.list(name)

        def some() -> None:
            count = len(left) if at_once else PIECE
            piece, left[:count] = left[:count], []
            if self._rows.get(name, (None,))[0] is kind:
                self._store.reread(piece, lambda body: reread(kind, body))
                if left:
                    asyncio.get_running_loop().call_soon(some)

        some()


def _same(before: CustomResourceDefinition, after: CustomResourceDefinition) -> bool:
    """Whether nothing changed that the kind depends on."""

    def names(definition: CustomResourceDefinition) -> Any:
        return definition.status.acceptedNames if definition.status is not None else None

    conditions = ("Established", "Terminating")
    return (
        before.spec == after.spec
        and names(before) == names(after)
        and all(before.holds(one) == after.holds(one) for one in conditions)
    )
