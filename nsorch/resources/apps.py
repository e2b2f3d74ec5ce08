"""apps/v1: Deployment and ReplicaSet."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from nsorch.resources.base import Model
from nsorch.resources.common import LabelSelector
from nsorch.resources.merging import MERGE_BY_TYPE, RETAIN_KEYS
from nsorch.resources.meta import Resource, Time
from nsorch.resources.pod import PodTemplateSpec
from nsorch.resources.scalars import Int32, Int64, IntOrString


class ReplicaSetSpec(Model):
    """What a ReplicaSet should look like: how many Pods, which ones, made from what."""

    selector: LabelSelector
    """Which Pods belong to it; must match the template's labels and never changes."""
    minReadySeconds: Int32 | None = None
    """Seconds a new Pod must be ready before it counts as available. Defaults to 0."""
    replicas: Int32 | None = None
    """How many Pods are wanted. Defaults to 1."""
    template: PodTemplateSpec
    """What new Pods look like."""


class ReplicaSetCondition(Model):
    """One observed fact about a ReplicaSet."""

    status: str
    """True, False or Unknown."""
    type: str
    """What the fact is about."""
    lastTransitionTime: Time | None = None
    """When the status last changed."""
    message: str | None = None
    """Why, in a sentence for people."""
    reason: str | None = None
    """Why, in one CamelCase word for programs."""


class ReplicaSetStatus(Model):
    """What a ReplicaSet looked like when last observed."""

    replicas: Int32 = 0
    """How many Pods there are."""
    availableReplicas: Int32 | None = None
    """How many Pods have been ready for minReadySeconds."""
    conditions: Annotated[list[ReplicaSetCondition] | None, MERGE_BY_TYPE] = None
    """Observed facts, one per type."""
    fullyLabeledReplicas: Int32 | None = None
    """How many Pods carry all labels of the template."""
    observedGeneration: Int64 | None = None
    """The metadata.generation that this was observed at."""
    readyReplicas: Int32 | None = None
    """How many Pods are ready."""
    terminatingReplicas: Int32 | None = None
    """How many Pods are being deleted."""


class ReplicaSet(Resource):
    """Keeps a fixed number of Pods running that match a selector."""

    GROUP_VERSION: ClassVar[str] = "apps/v1"
    KIND: ClassVar[str] = "ReplicaSet"

    spec: ReplicaSetSpec
    """The wanted state."""
    status: ReplicaSetStatus = Field(default_factory=ReplicaSetStatus)
    """The last observed state; written by the controller."""


class RollingUpdateDeployment(Model):
    """How far a rolling update may go above and below the wanted number of Pods."""

    maxSurge: IntOrString | None = None
    """Pods above the wanted number during an update: a number or a percentage, rounded up. Defaults to 25%."""
    maxUnavailable: IntOrString | None = None
    """Pods that may be missing during an update: a number or a percentage, rounded down. Defaults to 25%."""


class DeploymentStrategy(Model):
    """How old Pods are replaced by new ones."""

    rollingUpdate: RollingUpdateDeployment | None = None
    """Settings of a rolling update; only with type RollingUpdate."""
    type: str | None = None
    """RollingUpdate (the default) or Recreate."""


class DeploymentSpec(Model):
    """What a Deployment should look like."""

    selector: LabelSelector
    """Which Pods belong to it; must match the template's labels and never changes."""
    template: PodTemplateSpec
    """What the Pods look like; a change starts a rollout. Its restartPolicy can only be Always."""
    minReadySeconds: Int32 | None = None
    """Seconds a new Pod must be ready before it counts as available. Defaults to 0."""
    paused: bool | None = None
    """Whether rollouts are held back."""
    progressDeadlineSeconds: Int32 | None = None
    """Seconds without progress after which a rollout counts as failed. Defaults to 600."""
    replicas: Int32 | None = None
    """How many Pods are wanted. Defaults to 1."""
    revisionHistoryLimit: Int32 | None = None
    """How many old ReplicaSets are kept for a rollback. Defaults to 10."""
    strategy: Annotated[DeploymentStrategy | None, RETAIN_KEYS] = None
    """How old Pods are replaced by new ones."""


class DeploymentCondition(Model):
    """One observed fact about a Deployment: Available, Progressing, ReplicaFailure."""

    status: str
    """True, False or Unknown."""
    type: str
    """What the fact is about: Available, Progressing or ReplicaFailure."""
    lastTransitionTime: Time | None = None
    """When the status last changed."""
    lastUpdateTime: Time | None = None
    """When the condition was last written."""
    message: str | None = None
    """Why, in a sentence for people."""
    reason: str | None = None
    """Why, in one CamelCase word for programs."""


class DeploymentStatus(Model):
    """What a Deployment looked like when last observed."""

    availableReplicas: Int32 | None = None
    """How many Pods have been ready for minReadySeconds."""
    collisionCount: Int32 | None = None
    """How often the name of a new ReplicaSet was already taken."""
    conditions: Annotated[list[DeploymentCondition] | None, MERGE_BY_TYPE] = None
    """Observed facts, one per type."""
    observedGeneration: Int64 | None = None
    """The metadata.generation that this was observed at."""
    readyReplicas: Int32 | None = None
    """How many Pods are ready."""
    replicas: Int32 | None = None
    """How many Pods there are."""
    terminatingReplicas: Int32 | None = None
    """How many Pods are being deleted."""
    unavailableReplicas: Int32 | None = None
    """How many more available Pods are needed."""
    updatedReplicas: Int32 | None = None
    """How many Pods are made from the present template."""


class Deployment(Resource):
    """Declares Pods and updates them step by step through ReplicaSets."""

    GROUP_VERSION: ClassVar[str] = "apps/v1"
    KIND: ClassVar[str] = "Deployment"

    spec: DeploymentSpec
    """The wanted state."""
    status: DeploymentStatus = Field(default_factory=DeploymentStatus)
    """The last observed state; written by the controller."""
