"""The tokens in the volumes of running Pods: made once, and made again well before they expire.

As the kubelet does, a token is replaced when four fifths of its life are over, or a day. One timer for all Pods.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from nsorch.kit.clock import Clock
from nsorch.node.ports import TokenSource

LONGEST = 86400.0
"""Seconds after which any token is replaced."""
SPREAD = 10.0
"""Seconds by which tokens may be replaced early, so that many become one wake-up."""


@dataclass(frozen=True, slots=True)
class _Kept:
    token: str
    due: float


class PodTokens:
    """A ``TokenSource`` that remembers. ``poke(uid)`` has the Pod's volumes written again."""

    def __init__(self, source: TokenSource, clock: Clock, poke: Callable[[str], None]) -> None:
        self._source = source
        self._clock = clock
        self._poke = poke
        self._kept: dict[str, dict[tuple[str, str, int], _Kept]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._armed = 0.0

    def token(self, namespace: str, service_account: str, audience: str, seconds: int, pod_uid: str) -> str:
        key = (service_account, audience, seconds)
        kept = self._kept.get(pod_uid, {}).get(key)
        now = self._clock.time()
        if kept is not None and kept.due - SPREAD > now:
            return kept.token
        token = self._source.token(namespace, service_account, audience, seconds, pod_uid)
        due = now + min(seconds * 0.8, LONGEST)
        self._kept.setdefault(pod_uid, {})[key] = _Kept(token, due)
        if self._timer is None or due < self._armed:
            self._arm(due)
        return token

    def forget(self, pod_uid: str) -> None:
        """The Pod has ended."""
        self._kept.pop(pod_uid, None)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def renew(self) -> None:
        """Have every volume written again whose token is due."""
        self._timer = None
        now = self._clock.time()
        for uid in [uid for uid, kept in self._kept.items() if any(one.due - SPREAD <= now for one in kept.values())]:
            self._poke(uid)
        ahead = [one.due for kept in self._kept.values() for one in kept.values()]
        if ahead:
            self._arm(max(min(ahead), now + SPREAD))

    def _arm(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._armed = due
        delay = max(0.0, due - SPREAD / 2 - self._clock.time())
        self._timer = asyncio.get_running_loop().call_later(delay, self.renew)
