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
    """``ReplicaSetSpec``."""

    selector: LabelSelector
    minReadySeconds: Int32 | None = None
    replicas: Int32 | None = None
    template: PodTemplateSpec


class ReplicaSetCondition(Model):
    """``ReplicaSetCondition``."""

    status: str
    type: str
    lastTransitionTime: Time | None = None
    message: str | None = None
    reason: str | None = None


class ReplicaSetStatus(Model):
    """``ReplicaSetStatus``."""

    replicas: Int32 = 0
    availableReplicas: Int32 | None = None
    conditions: Annotated[list[ReplicaSetCondition] | None, MERGE_BY_TYPE] = None
    fullyLabeledReplicas: Int32 | None = None
    observedGeneration: Int64 | None = None
    readyReplicas: Int32 | None = None
    terminatingReplicas: Int32 | None = None


class ReplicaSet(Resource):
    """``ReplicaSet``."""

    GROUP_VERSION: ClassVar[str] = "apps/v1"
    KIND: ClassVar[str] = "ReplicaSet"

    spec: ReplicaSetSpec
    status: ReplicaSetStatus = Field(default_factory=ReplicaSetStatus)


class RollingUpdateDeployment(Model):
    """``RollingUpdateDeployment``."""

    maxSurge: IntOrString | None = None
    maxUnavailable: IntOrString | None = None


class DeploymentStrategy(Model):
    """``DeploymentStrategy``."""

    rollingUpdate: RollingUpdateDeployment | None = None
    type: str | None = None


class DeploymentSpec(Model):
    """``DeploymentSpec``."""

    selector: LabelSelector
    template: PodTemplateSpec
    minReadySeconds: Int32 | None = None
    paused: bool | None = None
    progressDeadlineSeconds: Int32 | None = None
    replicas: Int32 | None = None
    revisionHistoryLimit: Int32 | None = None
    strategy: Annotated[DeploymentStrategy | None, RETAIN_KEYS] = None


class DeploymentCondition(Model):
    """``DeploymentCondition``."""

    status: str
    type: str
    lastTransitionTime: Time | None = None
    lastUpdateTime: Time | None = None
    message: str | None = None
    reason: str | None = None


class DeploymentStatus(Model):
    """``DeploymentStatus``."""

    availableReplicas: Int32 | None = None
    collisionCount: Int32 | None = None
    conditions: Annotated[list[DeploymentCondition] | None, MERGE_BY_TYPE] = None
    observedGeneration: Int64 | None = None
    readyReplicas: Int32 | None = None
    replicas: Int32 | None = None
    terminatingReplicas: Int32 | None = None
    unavailableReplicas: Int32 | None = None
    updatedReplicas: Int32 | None = None


class Deployment(Resource):
    """``Deployment``."""

    GROUP_VERSION: ClassVar[str] = "apps/v1"
    KIND: ClassVar[str] = "Deployment"

    spec: DeploymentSpec
    status: DeploymentStatus = Field(default_factory=DeploymentStatus)
