"""What the agent knows about a Pod beside the API's own object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nsorch.node.compiler.inputs import Hold
from nsorch.supervisor.protocol import PodState


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Input of ``compute_status``."""

    state: PodState | None = None
    """The supervisor's last word; None before it has spoken."""
    address: str = ""
    started_at: float = 0.0
    """When the agent took the Pod up (status.startTime), seconds since the epoch."""
    holds: Mapping[str, Hold] = field(default_factory=dict)
    """By container: newest reason for waiting, newer than what the supervisor was told."""
    ready: Mapping[str, bool] = field(default_factory=dict)
    """By container: readiness; absent means there is no readiness probe."""
    startup_passed: Mapping[str, bool] = field(default_factory=dict)
    """By container: startup probe has succeeded; absent means there is none."""
    lost: bool = False
    """The supervisor is gone without having been asked to leave: nothing of the Pod lives."""
    over: bool = False
    """The Pod will never start anything again (deleted, deadline passed, completed)."""
    failure: tuple[str, str] | None = None
    """(reason, message) of a failure of the Pod as a whole: DeadlineExceeded, Evicted..."""
