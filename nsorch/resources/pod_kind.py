"""The registry row of Pods."""

from __future__ import annotations

from nsorch.resources.pod import Pod
from nsorch.resources.pod_columns import POD_COLUMNS
from nsorch.resources.pod_defaults import default_pod
from nsorch.resources.pod_strategy import (
    grace_seconds,
    prepare_create,
    prepare_status,
    prepare_update,
    validate_update,
)
from nsorch.resources.pod_validation import validate_pod
from nsorch.resources.pod_warnings import pod_warnings
from nsorch.resources.registry import Kind

POD = Kind(
    model=Pod,
    plural="pods",
    singular="pod",
    short_names=("po",),
    categories=("all",),
    subresources=(
        "status",
        "log",
        "exec",
        "attach",
        "portforward",
        "proxy",
        "eviction",
        "binding",
        "ephemeralcontainers",
    ),
    columns=POD_COLUMNS,
    default=default_pod,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    prepare_status=prepare_status,
    validate=validate_pod,
    validate_update=validate_update,
    warnings=pod_warnings,
    fields={
        "spec.nodeName": lambda pod: pod.spec.nodeName or "",
        "spec.restartPolicy": lambda pod: pod.spec.restartPolicy or "",
        "spec.schedulerName": lambda pod: pod.spec.schedulerName or "",
        "spec.serviceAccountName": lambda pod: pod.spec.serviceAccountName or "",
        "spec.hostNetwork": lambda pod: "true" if pod.spec.hostNetwork else "false",
        "status.phase": lambda pod: pod.status.phase or "",
        "status.podIP": lambda pod: pod.status.podIP or "",
        "status.podIPs": lambda pod: pod.status.podIP or "",
        "status.nominatedNodeName": lambda pod: pod.status.nominatedNodeName or "",
    },
    grace_seconds=grace_seconds,
)
