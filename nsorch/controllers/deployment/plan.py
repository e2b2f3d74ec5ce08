"""The arithmetic of rolling updates: pure.

A rollout is a sequence of small steps. Each looks at the sizes of all ReplicaSets and at how many of their Pods are
available, and changes either the new ReplicaSet or the old ones, never both, so that between two steps the world may
change in any way and the next step still keeps the two promises:

    Pods, those that terminate not counted   <= replicas + maxSurge
    available Pods that no step takes away   >= replicas - maxUnavailable

(Kubernetes keeps them for the sizes of ReplicaSets; here they hold for the Pods themselves, because a step also waits
for what the step before it took away.)

Source: kubernetes ``pkg/controller/deployment/{rolling,sync}.go`` and ``util/deployment_util.go``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from nsorch.resources.intstr import scaled


@dataclass(frozen=True, slots=True)
class Group:
    """One ReplicaSet as the arithmetic sees it."""

    name: str
    replicas: int
    """Its size as asked for (spec)."""
    available: int
    """Available Pods as it reports them (status)."""
    created: float = 0.0
    """Creation time in seconds; ties are broken by name."""
    pods: int = 0
    """Pods it has as it reports them (status), those that terminate not counted."""
    max_replicas: int | None = None
    """Annotation max-replicas: the most Pods the Deployment could have when this ReplicaSet was sized last."""

    settled: bool = True
    """Whether its controller has seen its size (observedGeneration); before, it may still be making more Pods."""

    @property
    def present(self) -> int:
        """Pods that are there or may come any moment: after a step down, for a moment more than its size."""
        return max(self.pods, self.replicas)

    @property
    def safe(self) -> int:
        """Available Pods that stay: after a step down its status counts for a moment more Pods than its size."""
        return min(self.available, self.replicas)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a Deployment allows. For Recreate ``surge`` is 0."""

    desired: int
    surge: int = 0
    unavailable: int = 0
    status_replicas: int = 0
    """Pods the Deployment reported last; stands in for a missing max-replicas annotation."""

    @property
    def most(self) -> int:
        """The most Pods there may be; none if none are wanted."""
        return self.desired + self.surge if self.desired > 0 else 0

    @property
    def least_available(self) -> int:
        return self.desired - self.unavailable


def fenceposts(surge: int | str | None, unavailable: int | str | None, desired: int) -> tuple[int, int]:
    """maxSurge (rounded up) and maxUnavailable (rounded down) in Pods, never both 0: then nothing could move.

    Worked examples (desired 10): 25% and 25% give (3, 2). Desired 1: 25% and 25% give (1, 0); 0% and 1% give (0, 1).
    """
    most = scaled(surge or 0, desired, round_up=True)
    missing = scaled(unavailable or 0, desired, round_up=False)
    if most == 0 and missing == 0:
        missing = 1
    return most, missing


def limits(
    desired: int, strategy: str, surge: int | str | None, unavailable: int | str | None, status_replicas: int = 0
) -> Limits:
    """The limits of a Deployment with a strategy."""
    if strategy != "RollingUpdate":
        return Limits(desired, 0, 0, status_replicas)
    most, missing = fenceposts(surge, unavailable, desired)
    return Limits(desired, most, min(missing, desired), status_replicas)


def new_size(new: Group, groups: Sequence[Group], limit: Limits) -> int:
    """How large the new ReplicaSet may be now. ``groups`` are all ReplicaSets, the new one among them.

    Example: desired 10, surge 3, old 10, new 0: 3. With old 8, new 3: 5.
    """
    if new.replicas >= limit.desired:
        return limit.desired
    total = sum(group.present for group in groups)
    ceiling = limit.desired + limit.surge
    if total >= ceiling or not all(group.settled for group in groups):
        return new.replicas
    return new.replicas + min(ceiling - total, limit.desired - new.replicas)


def old_sizes(new: Group, olds: Sequence[Group], limit: Limits) -> dict[str, int]:
    """Old ReplicaSets that shrink now, with their new sizes.

    Two reasons to shrink. Unhealthy old Pods go first: nobody misses them, and they would hold the rollout up. Then
    as many old Pods as there are available Pods above ``desired - unavailable``. New Pods that are not yet available
    count against both.

    Example: desired 10, surge 3, unavailable 2; old 10 (all available), new 3 (none available): 13 - 8 - 3 = 2, so
    the old one shrinks to 8. Then new grows to 5, and while those 5 crash, 13 - 8 - 5 = 0: nothing more is taken
    away. After a rollback the crashing ReplicaSet is the old one: 13 - 8 - 0 = 5 may go at once.
    """
    everything = [*olds, new]
    room = sum(group.replicas for group in everything) - limit.least_available - (new.replicas - new.safe)
    if room <= 0:
        return {}
    sizes = {group.name: group.replicas for group in olds}
    ordered = sorted(olds, key=lambda group: (group.created, group.name))
    left = room
    for group in ordered:
        unhealthy = min(left, group.replicas - group.safe)
        sizes[group.name] -= unhealthy
        left -= unhealthy
    spare = sum(group.safe for group in everything) - limit.least_available
    for group in ordered:
        if spare <= 0:
            break
        taken = min(sizes[group.name], spare)
        sizes[group.name] -= taken
        spare -= taken
    return {group.name: sizes[group.name] for group in olds if sizes[group.name] != group.replicas}


def rolling_step(new: Group, olds: Sequence[Group], limit: Limits) -> dict[str, int]:
    """One step of a rolling update: ReplicaSets to resize. Empty when nothing can be done now."""
    size = new_size(new, [*olds, new], limit)
    if size != new.replicas:
        return {new.name: size}
    return old_sizes(new, [group for group in olds if group.replicas > 0], limit)


def _proportion(group: Group, limit: Limits, to_add: int, added: int) -> int:
    """The share of one ReplicaSet in ``to_add`` Pods (negative: to take away), of which ``added`` are given out."""
    if group.replicas == 0 or to_add in (0, added):
        return 0
    if limit.desired == 0:
        share = -group.replicas
    else:
        before = group.max_replicas or limit.status_replicas
        if before == 0:
            return 0
        whole = group.replicas * (limit.desired + limit.surge) / before
        share = math.floor(whole + 0.5) - group.replicas
    allowed = to_add - added
    return min(share, allowed) if to_add > 0 else max(share, allowed)


def proportional(groups: Sequence[Group], limit: Limits) -> dict[str, int]:
    """Sizes of active ReplicaSets when the Deployment is scaled in the middle of a rollout.

    Every ReplicaSet keeps its share, so that scaling does not hasten a rollout that may be bad; what rounding leaves
    goes to the largest. Worked example: from 10 replicas with surge 3 in sizes old 8, new 5, scaled to 15: 18 allowed,
    5 to add: 8*18/13 = 11, 5*18/13 = 7.
    """
    active = [group for group in groups if group.replicas > 0]
    to_add = limit.most - sum(group.replicas for group in active)
    if to_add > 0:  # larger first, of equals the newer
        active.sort(key=lambda group: (-group.replicas, -group.created, group.name))
    elif to_add < 0:  # larger first, of equals the older
        active.sort(key=lambda group: (-group.replicas, group.created, group.name))
    sizes: dict[str, int] = {}
    added = 0
    for group in active:
        share = _proportion(group, limit, to_add, added)
        sizes[group.name] = group.replicas + share
        added += share
    if active and to_add != 0:
        largest = active[0].name
        sizes[largest] = max(0, sizes[largest] + to_add - added)
    return sizes


def scaled_sizes(
    new: Group | None, olds: Sequence[Group], limit: Limits, *, saturated: bool, rolling: bool
) -> dict[str, int]:
    """Sizes after a scaling event or while paused: all ReplicaSets that matter, changed or not.

    With at most one active ReplicaSet that one (or the newest) takes the full size. If the new one is
    ``saturated`` (it serves all wanted Pods) the old ones go to 0. Otherwise they share.
    """
    everything = [*olds, *([new] if new else [])]
    active = [group for group in everything if group.replicas > 0]
    if len(active) == 1:
        return {active[0].name: limit.desired}
    if not active:
        newest = new or max(olds, key=lambda group: (group.created, group.name), default=None)
        return {newest.name: limit.desired} if newest else {}
    if saturated:
        return {group.name: 0 for group in olds if group.replicas > 0}
    if rolling:
        return proportional(active, limit)
    return {group.name: group.replicas for group in active}


def apply(groups: Sequence[Group], sizes: dict[str, int]) -> list[Group]:
    """The groups after a step."""
    return [replace(group, replicas=sizes.get(group.name, group.replicas)) for group in groups]
