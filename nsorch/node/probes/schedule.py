"""When a probe is due and what its results mean. Pure; times in seconds of any monotonic clock.

Kubernetes' rules: the first probe comes ``initialDelaySeconds`` after the container's start, then one every
``periodSeconds``; a verdict changes after ``failureThreshold`` failures or ``successThreshold`` successes in a row.
Readiness begins as failed, liveness as passed, startup as not yet passed.

One addition, for speed: while readiness or startup has not passed, extra probes of a cheap kind (HTTP, TCP) are made at
once and then 50 ms, 100 ms, 200 ms... apart. Only their success counts, so thresholds keep their meaning: a server
that listens after 80 ms is ready after 150 ms instead of after a whole period. The regular rhythm of such probes begins
a second later, so that a server's ordinary start raises no warnings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["startup", "readiness", "liveness"]
EAGER_FIRST = 0.05
EAGER_WINDOW = 1.0
"""Seconds after the start within which a failing extra probe is no news; then the regular rhythm begins."""


@dataclass(slots=True)
class Schedule:
    """State of one probe of one run of a container."""

    kind: Kind
    began: float
    """When the container started (or, for readiness and liveness, when its startup probe passed, if later)."""
    initial_delay: float = 0.0
    period: float = 10.0
    success_threshold: int = 1
    failure_threshold: int = 3
    eager: bool = False
    """Whether extra early probes are cheap enough."""
    verdict: bool | None = None
    """True passed, False failed, None undecided (startup only)."""
    held: bool = False
    """No more probes until a new run: liveness or startup has failed, or startup has passed."""
    _regular: float = field(default=0.0, init=False)
    _extra: float | None = field(default=None, init=False)
    _gap: float = field(default=EAGER_FIRST, init=False)
    _streak: int = field(default=0, init=False)
    _last: bool | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._regular = self.began + self.initial_delay
        if self.eager and self.verdict is not True:
            self._extra = self._regular
            self._regular += min(self.period, EAGER_WINDOW)
        if self.verdict is None and self.kind != "startup":
            self.verdict = self.kind == "liveness"

    @property
    def due(self) -> float:
        """When the next probe should be made."""
        return self._regular if self._extra is None else min(self._extra, self._regular)

    @property
    def counts(self) -> bool:
        """Whether a failure of the probe that is due now would count towards the threshold."""
        return self._extra is None or self._extra >= self._regular

    def record(self, passed: bool, now: float) -> bool | None:
        """Take in a result; the new verdict if it has changed, else None."""
        extra = not self.counts
        early = self.eager and self._last is not True and self.verdict is not True
        if extra and not passed:
            self._plan_extra(now)
            return None
        if not extra:
            while self._regular <= now:
                self._regular += self.period
        else:
            # The regular rhythm goes on from the probe that passed.
            self._regular = now + self.period
        if passed == self._last:
            self._streak += 1
        else:
            self._last, self._streak = passed, 1
        self._extra = None
        if early and not passed:
            self._plan_extra(now)
        if self._streak < (self.success_threshold if passed else self.failure_threshold):
            return None
        if not passed or self.kind == "startup":
            self.held = self.kind != "readiness"
        if self.verdict == passed:
            return None
        self.verdict = passed
        return passed

    def _plan_extra(self, now: float) -> None:
        self._extra = now + self._gap if now + self._gap < self._regular else None
        self._gap = self._gap * 2
