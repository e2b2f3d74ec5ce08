"""When does a container that ended start again? Pure: no clock, no I/O.

Kubernetes' rule (pkg/kubelet, ``MaxContainerBackOff``): the first restart is immediate, then the wait is base, doubled for
each further end, at most the cap; a run longer than ten minutes (twice the cap) forgets the past. With base 10 and cap
300: 0, 10, 20, 40, 80, 160, 300, 300...
"""

from __future__ import annotations

from dataclasses import dataclass

BASE = 10.0
CAP = 300.0


def wanted(policy: str, exit_code: int) -> bool:
    """Does ``policy`` (Always, OnFailure, Never) restart a container that ended with ``exit_code``?"""
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


@dataclass(slots=True)
class BackOff:
    """The waits of one container. Seconds."""

    base: float = BASE
    cap: float = CAP
    reset_after: float = 2 * CAP
    ends: int = 0
    """Ends in quick succession so far."""

    def next(self, ran_for: float) -> float:
        """The container has just ended after ``ran_for`` seconds: how long to wait before the next start."""
        if ran_for >= self.reset_after:
            self.ends = 0
        self.ends += 1
        if self.ends == 1:
            return 0.0
        return float(min(self.cap, self.base * 2.0 ** min(self.ends - 2, 30)))

    def forget(self) -> None:
        """Its plan has changed: begin anew."""
        self.ends = 0
