"""Deployments and ReplicaSets in words."""

from __future__ import annotations

from collections.abc import Iterator

from nsorch.cli.descriptions.containers import template
from nsorch.cli.descriptions.text import NONE, Object, conditions, field, head
from nsorch.cli.options import Session
from nsorch.cli.revisions import REVISION, replica_sets
from nsorch.cli.targets import selector_text


def deployment(session: Session, obj: Object) -> Iterator[str]:
    spec, status = obj["spec"], obj.get("status") or {}
    yield from head(obj)
    yield field("Selector", selector_text(obj))
    counts = (
        f"{spec.get('replicas', 1)} desired",
        f"{status.get('updatedReplicas', 0)} updated",
        f"{status.get('replicas', 0)} total",
        f"{status.get('availableReplicas', 0)} available",
        f"{status.get('unavailableReplicas', 0)} unavailable",
    )
    yield field("Replicas", " | ".join(counts))
    strategy = spec.get("strategy") or {}
    rolling = strategy.get("rollingUpdate")
    limits = f", {rolling['maxUnavailable']} max unavailable, {rolling['maxSurge']} max surge" if rolling else ""
    yield field("Strategy", f"{strategy.get('type', '')}{limits}")
    if spec.get("minReadySeconds"):
        yield field("Min Ready", f"{spec['minReadySeconds']}s")
    if spec.get("paused"):
        yield field("Paused", "true, `nsorch rollout resume` goes on")
    yield "Pod Template:"
    yield from template(spec["template"])
    yield from conditions(obj)
    owned = replica_sets(session, obj)
    newest = owned[max(owned)] if owned else None
    old = [item for item in owned.values() if item is not newest and (item.get("status") or {}).get("replicas")]
    yield field("Old ReplicaSets", ", ".join(_short(item) for item in old))
    yield field("New ReplicaSet", _short(newest) if newest else NONE)


def _short(replica_set: Object) -> str:
    meta = replica_set["metadata"]
    made = (replica_set.get("status") or {}).get("replicas", 0)
    revision = (meta.get("annotations") or {}).get(REVISION, "?")
    return f"{meta['name']} ({made}/{replica_set['spec'].get('replicas', 1)} replicas, revision {revision})"


def replica_set(_: Session, obj: Object) -> Iterator[str]:
    spec, status = obj["spec"], obj.get("status") or {}
    yield from head(obj)
    yield field("Selector", selector_text(obj))
    counts = (
        f"{spec.get('replicas', 1)} desired",
        f"{status.get('replicas', 0)} current",
        f"{status.get('readyReplicas', 0)} ready",
    )
    yield field("Replicas", " | ".join(counts))
    yield "Pod Template:"
    yield from template(spec["template"])
    yield from conditions(obj)
