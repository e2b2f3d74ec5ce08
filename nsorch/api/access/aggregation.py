"""ClusterRoles that are made of others: their rules are kept equal to those of the roles that their selectors choose.

Source: kubernetes ``pkg/controller/clusterroleaggregation``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from nsorch.kit.logs import logger
from nsorch.resources.client import Change, Client, ClientError
from nsorch.resources.rbac import ClusterRole, PolicyRule
from nsorch.resources.selectors import of_selector

log = logger("access")
RETRY = 5.0
"""Seconds after which a write that failed is tried again."""


def aggregated(role: ClusterRole, roles: Iterable[ClusterRole]) -> list[PolicyRule] | None:
    """The rules of all roles that are selected, in order of name, each once."""
    rules: list[PolicyRule] = []
    selectors = role.aggregationRule.clusterRoleSelectors if role.aggregationRule else None
    chosen = [of_selector(selector) for selector in selectors or ()]
    for other in sorted(roles, key=lambda one: one.name):
        if other.name != role.name and any(one.matches(other.metadata.labels or {}) for one in chosen):
            rules += [rule for rule in other.rules or () if rule not in rules]
    return rules or None


class Aggregation:
    """Watches ClusterRoles; one pass after any number of changes."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._leave: Callable[[], None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._again: asyncio.TimerHandle | None = None
        self._dirty = False

    def start(self) -> None:
        self._leave = self._client.subscribe(ClusterRole, self._changed)

    async def stop(self) -> None:
        if self._leave is not None:
            self._leave()
        if self._again is not None:
            self._again.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _changed(self, change: Change[ClusterRole]) -> None:
        self._poke()

    def _poke(self) -> None:
        self._dirty = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while self._dirty:
            self._dirty = False
            roles = self._client.list(ClusterRole)
            for role in roles:
                if role.aggregationRule is None or role.terminating:
                    continue
                wanted = aggregated(role, roles)
                if wanted == (role.rules or None):
                    continue
                changed = role.copy_deep()
                changed.rules = wanted
                try:
                    await self._client.update(changed)
                except ClientError as error:
                    if error.code in (404, 409):
                        self._dirty = True
                        continue
                    log.warning("cannot aggregate ClusterRole %s: %s", role.name, error)
                    self._again = asyncio.get_running_loop().call_later(RETRY, self._poke)
