"""One Deployment with its ReplicaSets, told apart into the new one and the old ones."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from nsorch.controllers.deployment import conditions, revisions
from nsorch.controllers.deployment.plan import Group, Limits, limits
from nsorch.controllers.pods import created_at
from nsorch.resources.apps import Deployment, DeploymentCondition, ReplicaSet


class View:
    """What one pass of the controller looks at; never changed, only replaced."""

    def __init__(self, deployment: Deployment, sets: Sequence[ReplicaSet]) -> None:
        self.deployment = deployment
        self.sets = list(sets)

    def of(self, deployment: Deployment) -> View:
        """The same ReplicaSets under a newer state of the Deployment."""
        return View(deployment, self.sets)

    def with_set(self, rs: ReplicaSet) -> View:
        """With one ReplicaSet added or replaced by its newer state."""
        return View(self.deployment, [*(known for known in self.sets if known.uid != rs.uid), rs])

    def find(self, name: str) -> ReplicaSet:
        """The ReplicaSet of a name; KeyError if it is not here."""
        for rs in self.sets:
            if rs.name == name:
                return rs
        raise KeyError(name)

    @cached_property
    def new(self) -> ReplicaSet | None:
        """The ReplicaSet of the present template."""
        return revisions.find_new(self.deployment, self.sets)

    @cached_property
    def olds(self) -> list[ReplicaSet]:
        """All others, oldest first."""
        new = self.new
        return sorted((rs for rs in self.sets if new is None or rs.uid != new.uid), key=revisions.by_age)

    @cached_property
    def limits(self) -> Limits:
        """How many Pods there may and must be."""
        spec = self.deployment.spec
        strategy = spec.strategy
        rolling = strategy.rollingUpdate if strategy else None
        return limits(
            spec.replicas if spec.replicas is not None else 1,
            (strategy.type if strategy else None) or "RollingUpdate",
            rolling.maxSurge if rolling else "25%",
            rolling.maxUnavailable if rolling else "25%",
            self.deployment.status.replicas or 0,
        )

    @property
    def new_group(self) -> Group:
        """The new ReplicaSet as the arithmetic sees it; there must be one."""
        if self.new is None:
            raise ValueError(f"Deployment {self.deployment.key} has no ReplicaSet of its present template")
        return group(self.new)

    @property
    def old_groups(self) -> list[Group]:
        return [group(rs) for rs in self.olds]

    @property
    def progressing(self) -> DeploymentCondition | None:
        return conditions.find(self.deployment.status, conditions.PROGRESSING)

    @property
    def is_scaling(self) -> bool:
        """Whether the Deployment was scaled since its active ReplicaSets were sized."""
        for rs in self.sets:
            if rs.spec.replicas:
                remembered = revisions.annotation_number(rs, revisions.DESIRED_REPLICAS)
                if remembered is not None and remembered != self.limits.desired:
                    return True
        return False

    @property
    def is_saturated(self) -> bool:
        """Whether the new ReplicaSet serves all wanted Pods and knows it."""
        new = self.new
        return (
            new is not None
            and (new.spec.replicas or 0) == self.limits.desired
            and revisions.annotation_number(new, revisions.DESIRED_REPLICAS) == self.limits.desired
            and (new.status.availableReplicas or 0) == self.limits.desired
        )


def group(rs: ReplicaSet) -> Group:
    """A ReplicaSet as the arithmetic sees it."""
    return Group(
        rs.name,
        rs.spec.replicas if rs.spec.replicas is not None else 1,
        rs.status.availableReplicas or 0,
        created_at(rs.metadata.creationTimestamp),
        rs.status.replicas or 0,
        revisions.annotation_number(rs, revisions.MAX_REPLICAS),
        (rs.status.observedGeneration or 0) >= (rs.metadata.generation or 0),
    )
