"""Conditions of a Deployment: their reasons, and how one replaces another."""

from __future__ import annotations

from nsorch.kit.clock import rfc3339
from nsorch.resources.apps import DeploymentCondition, DeploymentStatus

AVAILABLE = "Available"
PROGRESSING = "Progressing"
REPLICA_FAILURE = "ReplicaFailure"

MINIMUM_AVAILABLE = "MinimumReplicasAvailable"
MINIMUM_UNAVAILABLE = "MinimumReplicasUnavailable"
NEW_CREATED = "NewReplicaSetCreated"
NEW_FOUND = "FoundNewReplicaSet"
UPDATED = "ReplicaSetUpdated"
NEW_AVAILABLE = "NewReplicaSetAvailable"
CREATE_ERROR = "ReplicaSetCreateError"
TIMED_OUT = "ProgressDeadlineExceeded"
PAUSED = "DeploymentPaused"
RESUMED = "DeploymentResumed"


def find(status: DeploymentStatus, type: str) -> DeploymentCondition | None:
    """The condition of a type."""
    for condition in status.conditions or ():
        if condition.type == type:
            return condition
    return None


def make(type: str, status: str, reason: str, message: str, now: float) -> DeploymentCondition:
    """A condition that came about now."""
    stamp = rfc3339(now)
    return DeploymentCondition(
        type=type, status=status, reason=reason, message=message, lastUpdateTime=stamp, lastTransitionTime=stamp
    )


def put(status: DeploymentStatus, condition: DeploymentCondition) -> bool:
    """Put a condition into ``status`` (changed in place). One with the same status and reason is left alone, and the
    transition time moves only with the status. Returns whether anything changed."""
    current = find(status, condition.type)
    if current is not None and current.status == condition.status:
        if current.reason == condition.reason:
            return False
        condition = condition.model_copy(update={"lastTransitionTime": current.lastTransitionTime})
    remove(status, condition.type)
    status.conditions = [*(status.conditions or ()), condition]
    return True


def remove(status: DeploymentStatus, type: str) -> None:
    """Take the condition of a type out of ``status`` (changed in place)."""
    left = [condition for condition in status.conditions or () if condition.type != type]
    status.conditions = left or None
