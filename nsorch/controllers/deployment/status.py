"""``DeploymentStatus`` as a pure function, and what it says about progress.

Source: kubernetes ``pkg/controller/deployment/{sync,progress}.go``.
"""

from __future__ import annotations

from collections.abc import Sequence

from nsorch.controllers.deployment import conditions
from nsorch.controllers.deployment.plan import Limits
from nsorch.kit.clock import parse_rfc3339
from nsorch.resources.apps import Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet

NO_DEADLINE = 2**31 - 1
"""progressDeadlineSeconds that means "never"."""


def has_deadline(deployment: Deployment) -> bool:
    """Whether lack of progress is to be reported at all."""
    seconds = deployment.spec.progressDeadlineSeconds
    return seconds is not None and seconds != NO_DEADLINE


def calculate(
    deployment: Deployment, new: ReplicaSet | None, olds: Sequence[ReplicaSet], limit: Limits, now: float
) -> DeploymentStatus:
    """Counts and condition Available. Counts of 0 are absent, as in Kubernetes."""
    everything = [*olds, *([new] if new else [])]
    available = sum(rs.status.availableReplicas or 0 for rs in everything)
    asked = sum(rs.spec.replicas or 0 for rs in everything)
    updated = (new.status.replicas or 0) if new else 0
    status = DeploymentStatus(
        observedGeneration=deployment.metadata.generation,
        replicas=sum(rs.status.replicas or 0 for rs in everything) or None,
        updatedReplicas=updated or None,
        readyReplicas=sum(rs.status.readyReplicas or 0 for rs in everything) or None,
        availableReplicas=available or None,
        unavailableReplicas=max(0, asked - available) or None,
        collisionCount=deployment.status.collisionCount,
        conditions=list(deployment.status.conditions) if deployment.status.conditions else None,
    )
    if available >= limit.least_available:
        condition = conditions.make(
            conditions.AVAILABLE,
            "True",
            conditions.MINIMUM_AVAILABLE,
            "Deployment has minimum availability.",
            now,
        )
    else:
        condition = conditions.make(
            conditions.AVAILABLE,
            "False",
            conditions.MINIMUM_UNAVAILABLE,
            "Deployment does not have minimum availability.",
            now,
        )
    conditions.put(status, condition)
    return status


def is_complete(deployment: Deployment, status: DeploymentStatus) -> bool:
    """Whether all wanted Pods are of the new template and available, and no old ones are left."""
    desired = deployment.spec.replicas if deployment.spec.replicas is not None else 1
    return (
        (status.updatedReplicas or 0) == desired
        and (status.replicas or 0) == desired
        and (status.availableReplicas or 0) == desired
        and (status.observedGeneration or 0) >= (deployment.metadata.generation or 0)
    )


def has_progressed(old: DeploymentStatus, new: DeploymentStatus) -> bool:
    """Whether new Pods came, old ones went, or more are ready or available than before."""
    old_olds = (old.replicas or 0) - (old.updatedReplicas or 0)
    new_olds = (new.replicas or 0) - (new.updatedReplicas or 0)
    return (
        (new.updatedReplicas or 0) > (old.updatedReplicas or 0)
        or new_olds < old_olds
        or (new.readyReplicas or 0) > (old.readyReplicas or 0)
        or (new.availableReplicas or 0) > (old.availableReplicas or 0)
    )


def deadline_in(deployment: Deployment, status: DeploymentStatus, now: float) -> float | None:
    """Seconds until the rollout counts as stuck (0 or less: now); None if nothing is awaited."""
    condition = conditions.find(status, conditions.PROGRESSING)
    if not has_deadline(deployment) or condition is None or condition.lastUpdateTime is None:
        return None
    if condition.reason in (conditions.NEW_AVAILABLE, conditions.TIMED_OUT):
        return None
    return parse_rfc3339(condition.lastUpdateTime) + (deployment.spec.progressDeadlineSeconds or 0) - now


def progress(deployment: Deployment, new: ReplicaSet | None, status: DeploymentStatus, now: float) -> None:
    """Put condition Progressing into ``status`` (changed in place), comparing it with the Deployment's last status."""
    if not has_deadline(deployment):
        conditions.remove(status, conditions.PROGRESSING)
        return
    current = conditions.find(deployment.status, conditions.PROGRESSING)
    settled = current is not None and current.reason == conditions.NEW_AVAILABLE
    if settled and (status.replicas or 0) == (status.updatedReplicas or 0):
        return  # the last rollout is over; scaling and restarts are no rollout
    about = f'ReplicaSet "{new.name}"' if new else f'Deployment "{deployment.name}"'
    if is_complete(deployment, status):
        message = f"{about} has successfully progressed."
        conditions.put(status, conditions.make(conditions.PROGRESSING, "True", conditions.NEW_AVAILABLE, message, now))
    elif has_progressed(deployment.status, status):
        condition = conditions.make(conditions.PROGRESSING, "True", conditions.UPDATED, f"{about} is progressing.", now)
        if current is not None:
            if current.status == "True":
                condition.lastTransitionTime = current.lastTransitionTime
            conditions.remove(status, conditions.PROGRESSING)  # progress renews lastUpdateTime of the same reason
        conditions.put(status, condition)
    else:
        left = deadline_in(deployment, status, now)
        if left is not None and left <= 0:
            message = f"{about} has timed out progressing."
            conditions.put(status, conditions.make(conditions.PROGRESSING, "False", conditions.TIMED_OUT, message, now))


def replica_failure(new: ReplicaSet | None, olds: Sequence[ReplicaSet]) -> DeploymentCondition | None:
    """ReplicaFailure of a ReplicaSet, the new one's first, as a condition of the Deployment."""
    for rs in [*([new] if new else []), *olds]:
        for condition in rs.status.conditions or ():
            if condition.type == conditions.REPLICA_FAILURE:
                return DeploymentCondition(
                    type=condition.type,
                    status=condition.status,
                    reason=condition.reason,
                    message=condition.message,
                    lastTransitionTime=condition.lastTransitionTime,
                    lastUpdateTime=condition.lastTransitionTime,
                )
    return None
