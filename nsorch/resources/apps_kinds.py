"""The registry rows of Deployment and ReplicaSet: defaults, strategy, validation, columns.

Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/deployment-v1/
"""

from __future__ import annotations

from nsorch.resources import checks, columns, intstr, names
from nsorch.resources.apps import (
    Deployment,
    DeploymentSpec,
    DeploymentStatus,
    DeploymentStrategy,
    ReplicaSet,
    ReplicaSetSpec,
    ReplicaSetStatus,
    RollingUpdateDeployment,
)
from nsorch.resources.meta_validation import validate_metadata, validate_metadata_update, validate_selector
from nsorch.resources.pod_defaults import default_pod_spec
from nsorch.resources.pod_validation import validate_template
from nsorch.resources.pod_warnings import template_warnings
from nsorch.resources.registry import Cause, Column, Kind
from nsorch.resources.selectors import matches
from nsorch.resources.strategy import generation_on_create, generation_on_update, only_status

REVISION_HISTORY = 10
PROGRESS_DEADLINE = 600


def default_deployment(deployment: Deployment) -> None:
    """One replica, rolling update by a quarter, ten old revisions, ten minutes to progress."""
    spec = deployment.spec
    if spec.replicas is None:
        spec.replicas = 1
    if spec.strategy is None:
        spec.strategy = DeploymentStrategy()
    strategy = spec.strategy
    strategy.type = strategy.type or "RollingUpdate"
    if strategy.type == "RollingUpdate":
        if strategy.rollingUpdate is None:
            strategy.rollingUpdate = RollingUpdateDeployment()
        if strategy.rollingUpdate.maxSurge is None:
            strategy.rollingUpdate.maxSurge = "25%"
        if strategy.rollingUpdate.maxUnavailable is None:
            strategy.rollingUpdate.maxUnavailable = "25%"
    if spec.revisionHistoryLimit is None:
        spec.revisionHistoryLimit = REVISION_HISTORY
    if spec.progressDeadlineSeconds is None:
        spec.progressDeadlineSeconds = PROGRESS_DEADLINE
    default_pod_spec(spec.template.spec)


def default_replica_set(replica_set: ReplicaSet) -> None:
    """One replica."""
    if replica_set.spec.replicas is None:
        replica_set.spec.replicas = 1
    default_pod_spec(replica_set.spec.template.spec)


def _create_deployment(deployment: Deployment) -> None:
    generation_on_create(deployment)
    deployment.status = DeploymentStatus()


def _update_deployment(new: Deployment, old: Deployment) -> None:
    # Annotations are copied to the ReplicaSets, so the controller has work when they change.
    new.status = old.status
    changed = new.spec != old.spec or (new.metadata.annotations or {}) != (old.metadata.annotations or {})
    generation_on_update(new, old, changed=changed)


def _create_replica_set(replica_set: ReplicaSet) -> None:
    generation_on_create(replica_set)
    replica_set.status = ReplicaSetStatus()


def _update_replica_set(new: ReplicaSet, old: ReplicaSet) -> None:
    new.status = old.status
    generation_on_update(new, old, changed=new.spec != old.spec)


def validate_deployment(deployment: Deployment) -> list[Cause]:
    """Everything wrong with a new Deployment."""
    return validate_metadata(deployment.metadata) + _deployment_spec(deployment.spec)


def validate_deployment_update(new: Deployment, old: Deployment) -> list[Cause]:
    """Everything wrong with a changed Deployment; its selector never changes."""
    causes = validate_metadata_update(new.metadata, old.metadata)
    causes += _deployment_spec(new.spec)
    return causes + checks.immutable("spec.selector", new.spec.selector, old.spec.selector)


def validate_replica_set(replica_set: ReplicaSet) -> list[Cause]:
    """Everything wrong with a new ReplicaSet."""
    return validate_metadata(replica_set.metadata) + _workload(replica_set.spec, "replicaset")


def validate_replica_set_update(new: ReplicaSet, old: ReplicaSet) -> list[Cause]:
    """Everything wrong with a changed ReplicaSet; its selector never changes."""
    causes = validate_metadata_update(new.metadata, old.metadata)
    causes += _workload(new.spec, "replicaset")
    return causes + checks.immutable("spec.selector", new.spec.selector, old.spec.selector)


def _validate_deployment_status(new: Deployment, old: Deployment) -> list[Cause]:
    return _status(
        new.status, ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas")
    )


def _validate_replica_set_status(new: ReplicaSet, old: ReplicaSet) -> list[Cause]:
    causes = _status(new.status, ("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas"))
    for name in ("fullyLabeledReplicas", "readyReplicas", "availableReplicas"):
        count = getattr(new.status, name) or 0
        if count > new.status.replicas:
            causes.append(checks.invalid(f"status.{name}", count, "cannot be greater than status.replicas"))
    return causes


def _status(status: DeploymentStatus | ReplicaSetStatus, counts: tuple[str, ...]) -> list[Cause]:
    return [
        cause
        for name in (*counts, "observedGeneration")
        for cause in checks.not_negative(f"status.{name}", getattr(status, name))
    ]


def _workload(spec: DeploymentSpec | ReplicaSetSpec, kind: str) -> list[Cause]:
    causes = checks.not_negative("spec.replicas", spec.replicas)
    causes += checks.not_negative("spec.minReadySeconds", spec.minReadySeconds)
    causes += validate_selector(spec.selector, "spec.selector")
    labels = spec.template.metadata.labels or {}
    if not spec.selector.matchLabels and not spec.selector.matchExpressions:
        causes.append(checks.invalid("spec.selector", spec.selector, f"empty selector is invalid for {kind}"))
    elif not matches(spec.selector, labels):
        causes.append(
            checks.invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")
        )
    causes += validate_template(spec.template, "spec.template")
    pod = spec.template.spec
    if pod.restartPolicy not in (None, "Always"):
        causes.append(checks.unsupported("spec.template.spec.restartPolicy", pod.restartPolicy, ("Always",)))
    if pod.activeDeadlineSeconds is not None:
        causes.append(
            checks.forbidden(
                "spec.template.spec.activeDeadlineSeconds",
                "activeDeadlineSeconds in ReplicaSet is not Supported",
            )
        )
    return causes


def _deployment_spec(spec: DeploymentSpec) -> list[Cause]:
    causes = _workload(spec, "deployment")
    causes += checks.not_negative("spec.revisionHistoryLimit", spec.revisionHistoryLimit)
    deadline = spec.progressDeadlineSeconds
    causes += checks.not_negative("spec.progressDeadlineSeconds", deadline)
    if deadline is not None and deadline <= (spec.minReadySeconds or 0):
        causes.append(checks.invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"))
    strategy = spec.strategy
    if strategy is None:
        return causes
    if strategy.type == "Recreate":
        if strategy.rollingUpdate is not None:
            causes.append(
                checks.forbidden(
                    "spec.strategy.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'"
                )
            )
    elif strategy.type == "RollingUpdate":
        causes += _rolling(strategy.rollingUpdate, "spec.strategy.rollingUpdate")
    else:
        causes.append(checks.unsupported("spec.strategy.type", strategy.type, ("Recreate", "RollingUpdate")))
    return causes


def _rolling(rolling: RollingUpdateDeployment | None, field: str) -> list[Cause]:
    if rolling is None:
        return [checks.required(field, "this should be defaulted and never be nil")]
    surge, unavailable = rolling.maxSurge, rolling.maxUnavailable
    causes = _share(unavailable, f"{field}.maxUnavailable") + _share(surge, f"{field}.maxSurge")
    if causes:
        return causes
    if _number(unavailable) == 0 and _number(surge) == 0:
        causes.append(checks.invalid(f"{field}.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0"))
    if isinstance(unavailable, str) and _number(unavailable) > 100:
        causes.append(checks.invalid(f"{field}.maxUnavailable", unavailable, "must not be greater than 100%"))
    return causes


def _share(value: int | str | None, field: str) -> list[Cause]:
    if isinstance(value, int):
        return checks.not_negative(field, value)
    return checks.invalid_each(field, value or "", names.percent(value or ""))


def _number(value: int | str | None) -> int:
    if isinstance(value, int):
        return value
    return intstr.percent(value or "") or 0


DEPLOYMENT_COLUMNS: tuple[Column[Deployment], ...] = (
    columns.NAME,
    Column(
        "Ready",
        lambda obj, now: f"{obj.status.readyReplicas or 0}/{obj.spec.replicas or 0}",
        description="Pods that are ready, of those wanted.",
    ),
    Column(
        "Up-to-date",
        lambda obj, now: obj.status.updatedReplicas or 0,
        type="integer",
        description="Pods made from the present template.",
    ),
    Column(
        "Available",
        lambda obj, now: obj.status.availableReplicas or 0,
        type="integer",
        description="Pods ready for at least minReadySeconds.",
    ),
    columns.AGE,
    Column(
        "Containers",
        lambda obj, now: columns.containers(obj.spec.template.spec.containers),
        priority=1,
        description="Names of the template's containers.",
    ),
    Column(
        "Images",
        lambda obj, now: columns.images(obj.spec.template.spec.containers),
        priority=1,
        description="Images of the template's containers.",
    ),
    Column(
        "Selector",
        lambda obj, now: columns.selector(obj.spec.selector),
        priority=1,
        description="Labels of the Pods it manages.",
    ),
)

REPLICA_SET_COLUMNS: tuple[Column[ReplicaSet], ...] = (
    columns.NAME,
    Column("Desired", lambda obj, now: obj.spec.replicas or 0, type="integer", description="Pods wanted."),
    Column("Current", lambda obj, now: obj.status.replicas, type="integer", description="Pods that exist."),
    Column("Ready", lambda obj, now: obj.status.readyReplicas or 0, type="integer", description="Pods that are ready."),
    columns.AGE,
    Column(
        "Containers",
        lambda obj, now: columns.containers(obj.spec.template.spec.containers),
        priority=1,
        description="Names of the template's containers.",
    ),
    Column(
        "Images",
        lambda obj, now: columns.images(obj.spec.template.spec.containers),
        priority=1,
        description="Images of the template's containers.",
    ),
    Column(
        "Selector",
        lambda obj, now: columns.selector(obj.spec.selector),
        priority=1,
        description="Labels of the Pods it manages.",
    ),
)

DEPLOYMENT = Kind(
    model=Deployment,
    plural="deployments",
    singular="deployment",
    short_names=("deploy",),
    categories=("all",),
    subresources=("status", "scale"),
    columns=DEPLOYMENT_COLUMNS,
    default=default_deployment,
    prepare_create=_create_deployment,
    prepare_update=_update_deployment,
    prepare_status=only_status,
    validate=validate_deployment,
    validate_update=validate_deployment_update,
    validate_status=_validate_deployment_status,
    warnings=lambda obj: template_warnings(obj.spec.template, "spec.template"),
)

REPLICA_SET = Kind(
    model=ReplicaSet,
    plural="replicasets",
    singular="replicaset",
    short_names=("rs",),
    categories=("all",),
    subresources=("status", "scale"),
    columns=REPLICA_SET_COLUMNS,
    default=default_replica_set,
    prepare_create=_create_replica_set,
    prepare_update=_update_replica_set,
    prepare_status=only_status,
    validate=validate_replica_set,
    validate_update=validate_replica_set_update,
    validate_status=_validate_replica_set_status,
    warnings=lambda obj: template_warnings(obj.spec.template, "spec.template"),
    fields={"status.replicas": lambda obj: str(obj.status.replicas)},
)
