"""The durable state as readers see it: every object in memory, sorted, indexed by controller."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable

from nsorch.store.record import Key, Record

LAST = "\U0010ffff"
"""Sorts after every name."""


class Objects:
    """All objects of one resource, ordered by namespace and name."""

    __slots__ = ("_keys", "_owned", "_owner", "_records")

    def __init__(self) -> None:
        self._keys: list[Key] = []
        self._records: dict[Key, Record] = {}
        self._owner: dict[Key, str] = {}
        self._owned: dict[str, set[Key]] = {}

    def __len__(self) -> int:
        return len(self._records)

    def load(self, rows: Iterable[tuple[Record, str]]) -> None:
        """Fill from disk: records with the uid of their controller ("" without)."""
        for record, owner in rows:
            self._records[record.key] = record
            self._own(record.key, owner)
        self._keys = sorted(self._records)

    def get(self, key: Key) -> Record | None:
        return self._records.get(key)

    def put(self, record: Record, owner: str) -> None:
        """Add or replace one object."""
        if record.key not in self._records:
            insort(self._keys, record.key)
        self._records[record.key] = record
        if self._owner.get(record.key, "") != owner:
            self._disown(record.key)
            self._own(record.key, owner)

    def remove(self, key: Key) -> None:
        if self._records.pop(key, None) is not None:
            del self._keys[bisect_left(self._keys, key)]
            self._disown(key)

    def list(self, resource: str, namespace: str | None, after: Key | None = None) -> list[Record]:
        """All objects, or those of one namespace; ``after`` leaves out everything up to this key."""
        if namespace is None:
            first, last = 0, len(self._keys)
        else:
            first = bisect_left(self._keys, Key(resource, namespace, ""))
            last = bisect_right(self._keys, Key(resource, namespace, LAST))
        if after is not None:
            first = max(first, bisect_right(self._keys, after))
        return [self._records[key] for key in self._keys[first:last]]

    def owned(self, owner: str) -> Iterable[Record]:
        """Objects whose controller ownerReference has this uid, ordered."""
        return [self._records[key] for key in sorted(self._owned.get(owner, ()))]

    def _own(self, key: Key, owner: str) -> None:
        if owner:
            self._owner[key] = owner
            self._owned.setdefault(owner, set()).add(key)

    def _disown(self, key: Key) -> None:
        owner = self._owner.pop(key, "")
        if owner:
            keys = self._owned[owner]
            keys.discard(key)
            if not keys:
                del self._owned[owner]
