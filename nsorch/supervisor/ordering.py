"""Which container starts or stops next. Pure decisions over roles and states; ``Pod`` carries them out.

Init containers run one after the other to success; a sidecar among them only has to be started before the next. Main
containers start together once all of that is done. When the main containers have ended, or the Pod stops, sidecars stop in
reverse order, one after the other, after every main container.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Role = Literal["init", "sidecar", "main", "ephemeral"]


@dataclass(frozen=True, slots=True)
class View:
    """What the decision needs to know of one container."""

    name: str
    role: Role
    idle: bool = False
    """Not started yet."""
    done: bool = False
    """Ended for good."""
    succeeded: bool = False
    """Done, with exit code 0."""
    started: bool = False
    """Running, postStart included."""


@dataclass(frozen=True, slots=True)
class Next:
    """Names to start, names to stop, and whether nothing will ever run again."""

    start: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    over: bool = False
    initialized: bool = False


def decide(containers: Sequence[View], *, stopping: bool) -> Next:
    """The next step; call it again after every change."""
    early = [item for item in containers if item.role in ("init", "sidecar")]
    mains = [item for item in containers if item.role == "main"]
    ephemeral = [item for item in containers if item.role == "ephemeral"]
    if stopping:
        return _wind_down(early, mains, ephemeral)
    for item in early:
        if item.role == "init" and item.done and not item.succeeded:
            return _wind_down(early, [], ephemeral)  # initialisation has failed for good: main never starts
        if item.idle:
            return Next(start=(item.name,))
        if item.role == "init" and not item.done:
            return Next()
        if item.role == "sidecar" and not (item.started or item.done):
            return Next()
    if mains and all(item.done for item in mains):
        step = _wind_down(early, mains, ephemeral)
        return Next(stop=step.stop, over=step.over, initialized=True)
    start = tuple(item.name for item in (*mains, *ephemeral) if item.idle)
    return Next(start=start, initialized=True)


def _wind_down(early: Sequence[View], mains: Sequence[View], ephemeral: Sequence[View]) -> Next:
    first = [item for item in (*mains, *ephemeral, *early) if item.role != "sidecar" and not item.done]
    if first:
        return Next(stop=tuple(item.name for item in first))
    for item in reversed(early):
        if not item.done:
            return Next(stop=(item.name,))
    return Next(over=True)
