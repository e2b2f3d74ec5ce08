"""Durable leases of scarce names (Pod addresses): one value per key and pool, kept over restarts."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping
from types import MappingProxyType

from nsorch.store.errors import StoreError
from nsorch.store.store import Store


class Leases:
    """Leases kept in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def acquire(self, pool: str, key: str, candidates: Iterable[str]) -> str:
        """The value leased to ``key``, durable: see ``claim``."""
        value, durable = self.claim(pool, key, candidates)
        if durable is not None:
            await durable
        return value

    def claim(self, pool: str, key: str, candidates: Iterable[str]) -> tuple[str, Awaitable[None] | None]:
        """The value leased to ``key``: the one it has, else the first of ``candidates`` that nobody has.

        Not to be used before the second part, if there is one, has been awaited: it returns when the lease is durable.
        ``StoreError`` if no value is free.
        """
        durable = self._store.leases(pool)
        pending = self._store.pending_leases(pool)
        held = pending[key] if key in pending else durable.get(key)
        if held is not None:
            return held, self._store.write_lease(pool, key, held) if key in pending else None
        # A value whose release is still on its way stays taken: if that release fails, it was never free.
        taken = set(durable.values()) | {value for value in pending.values() if value is not None}
        for value in candidates:
            if value not in taken:
                return value, self._store.write_lease(pool, key, value)
        raise StoreError(f"cannot lease from {pool} for {key}: all {len(taken)} values are taken")

    async def release(self, pool: str, key: str) -> None:
        """Give the value of ``key`` back, if it has one."""
        if key in self._store.leases(pool) or key in self._store.pending_leases(pool):
            await self._store.write_lease(pool, key, None)

    def all(self, pool: str) -> Mapping[str, str]:
        """Every durable lease of the pool, by key; a live view."""
        return MappingProxyType(self._store.leases(pool))
