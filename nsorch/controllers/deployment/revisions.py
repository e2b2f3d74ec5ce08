"""Revisions of a Deployment: which ReplicaSet holds which template, and the annotations that number them. Pure.

Source: kubernetes ``pkg/controller/deployment/util/deployment_util.go``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from nsorch.controllers.hashing import canonical, hash_of
from nsorch.controllers.owners import controller_reference
from nsorch.controllers.pods import created_at
from nsorch.resources.apps import Deployment, ReplicaSet, ReplicaSetSpec, ReplicaSetStatus
from nsorch.resources.meta import ObjectMeta
from nsorch.resources.pod import PodTemplateSpec

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas"
MAX_REPLICAS = "deployment.kubernetes.io/max-replicas"
NOT_COPIED = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        "deprecated.deployment.rollback.to",
        REVISION,
        REVISION_HISTORY,
        DESIRED_REPLICAS,
        MAX_REPLICAS,
    }
)
"""Annotations of a Deployment that its ReplicaSets do not inherit."""
HISTORY_LIMIT = 2000
"""Characters the revision-history annotation may have."""


def template_document(template: PodTemplateSpec) -> dict[str, Any]:
    """The template as JSON data without the hash label, by which two templates are compared."""
    document = template.to_dict()
    metadata = document.get("metadata") or {}
    labels = metadata.get("labels") or {}
    labels.pop(HASH_LABEL, None)
    document["metadata"] = {key: value for key, value in metadata.items() if value}
    return document


_MEMO_SIZE = 4096
_memo: dict[tuple[str, int], bytes] = {}
"""Canonical templates of stored objects: a spec is fixed by uid and generation."""


def _template_of(obj: Deployment | ReplicaSet) -> bytes:
    key = (obj.uid, obj.metadata.generation or 0)
    found = _memo.get(key)
    if found is None:
        template = obj.spec.template
        found = canonical(template_document(template)) if template is not None else b""
        if all(key):
            if len(_memo) >= _MEMO_SIZE:
                _memo.clear()
            _memo[key] = found
    return found


def find_new(deployment: Deployment, sets: Iterable[ReplicaSet]) -> ReplicaSet | None:
    """The ReplicaSet that holds the Deployment's present template; of several the oldest."""
    wanted = _template_of(deployment)
    return min((rs for rs in sets if _template_of(rs) == wanted), key=by_age, default=None)


def by_age(rs: ReplicaSet) -> tuple[float, str]:
    """Sort key: oldest first."""
    return created_at(rs.metadata.creationTimestamp), rs.name


def by_revision(rs: ReplicaSet) -> tuple[int, float, str]:
    """Sort key: lowest revision first."""
    return (revision(rs), *by_age(rs))


def revision(obj: ReplicaSet | Deployment) -> int:
    """The revision annotation; 0 if absent or not a number."""
    return annotation_number(obj, REVISION) or 0


def annotation_number(obj: ReplicaSet | Deployment, annotation: str) -> int | None:
    """A whole number in an annotation; None if absent or not a number."""
    try:
        return int((obj.metadata.annotations or {})[annotation])
    except (KeyError, ValueError):
        return None


def next_revision(olds: Iterable[ReplicaSet]) -> int:
    """The revision of the new ReplicaSet: one above all old ones."""
    return max((revision(rs) for rs in olds), default=0) + 1


def size_annotations(desired: int, most: int) -> dict[str, str]:
    """The annotations by which a ReplicaSet remembers how large its Deployment was."""
    return {DESIRED_REPLICAS: str(desired), MAX_REPLICAS: str(most)}


def annotations_to_set(deployment: Deployment, rs: ReplicaSet | None, number: int) -> dict[str, str]:
    """Annotations that the new ReplicaSet lacks: the Deployment's own, and its revision.

    A ReplicaSet that becomes the new one again (a rollback) takes the new number and keeps the old one in its
    history. A revision never goes down, even when the ReplicaSets that held the others were deleted.
    """
    have = (rs.metadata.annotations if rs else None) or {}
    inherited = (deployment.metadata.annotations or {}).items()
    changes = {key: value for key, value in inherited if key not in NOT_COPIED and have.get(key) != value}
    old = have.get(REVISION)
    if old is None or not old.lstrip("-").isdigit() or int(old) < number:
        changes[REVISION] = str(number)
        if old is not None:
            changes[REVISION_HISTORY] = _longer_history(have.get(REVISION_HISTORY, ""), old)
    return changes


def _longer_history(history: str, old: str) -> str:
    """The history with one more revision; the oldest are forgotten where it would grow too long."""
    entries = [entry for entry in history.split(",") if entry] + [old]
    while len(",".join(entries)) > HISTORY_LIMIT and len(entries) > 1:
        entries.pop(0)
    return ",".join(entries)


def new_replica_set(deployment: Deployment, replicas: int, most: int, number: int) -> ReplicaSet:
    """The ReplicaSet for the Deployment's present template, ready to be created."""
    template = deployment.spec.template.copy_deep()
    digest = hash_of(template_document(template), deployment.status.collisionCount)
    template.metadata.labels = {**(template.metadata.labels or {}), HASH_LABEL: digest}
    selector = deployment.spec.selector.copy_deep()
    selector.matchLabels = {**(selector.matchLabels or {}), HASH_LABEL: digest}
    desired = deployment.spec.replicas if deployment.spec.replicas is not None else 1
    return ReplicaSet(
        metadata=ObjectMeta(
            name=f"{deployment.name}-{digest}",
            namespace=deployment.namespace,
            labels=dict(template.metadata.labels),
            annotations={**annotations_to_set(deployment, None, number), **size_annotations(desired, most)},
            ownerReferences=[controller_reference(deployment)],
        ),
        spec=ReplicaSetSpec(
            replicas=replicas,
            minReadySeconds=deployment.spec.minReadySeconds,
            selector=selector,
            template=template,
        ),
        status=ReplicaSetStatus(replicas=0),
    )


def history_to_delete(olds: Sequence[ReplicaSet], limit: int | None) -> list[ReplicaSet]:
    """Old ReplicaSets beyond revisionHistoryLimit, lowest revision first; never one that still has Pods."""
    if limit is None or limit == 2**31 - 1:
        return []
    living = [rs for rs in olds if not rs.terminating]
    surplus = len(living) - limit
    if surplus <= 0:
        return []
    return [
        rs
        for rs in sorted(living, key=by_revision)[:surplus]
        if not rs.status.replicas
        and not rs.spec.replicas
        and (rs.metadata.generation or 0) <= (rs.status.observedGeneration or 0)
    ]
