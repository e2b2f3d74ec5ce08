"""Objects of one kind by their labels, so that a selector is answered without looking at every object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic

from nsorch.resources.client import Change, T


class LabelIndex(Generic[T]):
    """Names by namespace and label. Feed it every change of the kind."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str, str], set[str]] = {}

    def observe(self, change: Change[T]) -> None:
        """Note a change."""
        obj, before = change.object, change.previous
        namespace = obj.namespace or ""
        old = dict((before.metadata.labels if before is not None else None) or {})
        new = dict(obj.metadata.labels or {})
        if change.type == "DELETED":
            old, new = {**old, **new}, {}
        for key, value in old.items():
            if new.get(key) != value:
                self._discard((namespace, key, value), obj.name)
        for key, value in new.items():
            if old.get(key) != value:
                self._names.setdefault((namespace, key, value), set()).add(obj.name)

    def _discard(self, entry: tuple[str, str, str], name: str) -> None:
        names = self._names.get(entry)
        if names is not None:
            names.discard(name)
            if not names:
                del self._names[entry]

    def names(self, namespace: str, labels: Mapping[str, str]) -> list[str]:
        """Names of the objects that carry all ``labels`` (at least one), sorted."""
        found = [self._names.get((namespace, key, value)) for key, value in labels.items()]
        if not found or any(names is None for names in found):
            return []
        sets = sorted((names for names in found if names is not None), key=len)
        return sorted(sets[0].intersection(*sets[1:]))
