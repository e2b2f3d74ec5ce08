"""The columns of tables, as ``kubectl get`` of a real cluster shows them."""

from __future__ import annotations

from typing import Any

import pytest

from nsorch.resources import Pod
from nsorch.resources.kinds import REGISTRY
from nsorch.resources.pod_columns import ready, restarts, state
from tests.support.kinds import DEPLOYMENT, POD, SERVICE, Data, changed, made


def container(name: str = "c", state: Data | None = None, **more: Any) -> Data:
    base = {"name": name, "image": "x", "imageID": "", "ready": False, "restartCount": 0, "state": state or {}}
    return base | more


@pytest.mark.parametrize(
    ("status", "more", "expected"),
    [
        ({"phase": "Pending"}, {}, ("Pending", "0/1", "0")),
        (
            {"phase": "Running", "containerStatuses": [container(state={"running": {}}, ready=True)]},
            {},
            ("Running", "1/1", "0"),
        ),
        (
            {
                "phase": "Running",
                "containerStatuses": [
                    container(
                        state={"waiting": {"reason": "CrashLoopBackOff"}},
                        restartCount=3,
                        lastState={"terminated": {"exitCode": 1, "finishedAt": "1970-01-01T00:11:40Z"}},
                    )
                ],
            },
            {},
            ("CrashLoopBackOff", "0/1", "3 (5m ago)"),
        ),
        (
            {
                "phase": "Succeeded",
                "containerStatuses": [container(state={"terminated": {"exitCode": 0, "reason": "Completed"}})],
            },
            {},
            ("Completed", "0/1", "0"),
        ),
        (
            {"phase": "Failed", "containerStatuses": [container(state={"terminated": {"exitCode": 3}})]},
            {},
            ("ExitCode:3", "0/1", "0"),
        ),
        (
            {"phase": "Failed", "containerStatuses": [container(state={"terminated": {"exitCode": 137, "signal": 9}})]},
            {},
            ("Signal:9", "0/1", "0"),
        ),
        ({"phase": "Failed", "reason": "Evicted"}, {}, ("Evicted", "0/1", "0")),
        (
            {"phase": "Pending", "initContainerStatuses": [container("i", {"running": {}})]},
            {"initContainers": [{"name": "i", "image": "x"}]},
            ("Init:0/1", "0/1", "0"),
        ),
        (
            {
                "phase": "Pending",
                "initContainerStatuses": [container("i", {"waiting": {"reason": "ImagePullBackOff"}}, restartCount=1)],
            },
            {"initContainers": [{"name": "i", "image": "x"}]},
            ("Init:ImagePullBackOff", "0/1", "1"),
        ),
        (
            {
                "phase": "Pending",
                "initContainerStatuses": [container("i", {"terminated": {"exitCode": 1, "reason": "Error"}})],
            },
            {"initContainers": [{"name": "i", "image": "x"}]},
            ("Init:Error", "0/1", "0"),
        ),
        (
            {
                "phase": "Running",
                "initContainerStatuses": [container("i", {"running": {}}, started=True, ready=True)],
                "containerStatuses": [container(state={"running": {}}, ready=True)],
            },
            {"initContainers": [{"name": "i", "image": "x", "restartPolicy": "Always"}]},
            ("Running", "2/2", "0"),
        ),
    ],
)
def test_pod_columns(status: Data, more: Data, expected: tuple[str, str, str]) -> None:
    pod = Pod.from_dict({**POD, "spec": {**POD["spec"], **more}, "status": status})
    assert (state(pod), ready(pod), restarts(pod, 1000.0)) == expected


def test_a_pod_being_deleted_is_terminating() -> None:
    pod = Pod.from_dict({**POD, "metadata": {"name": "x", "deletionTimestamp": "2024-01-01T00:00:00Z"}})
    assert state(pod) == "Terminating"
    pod.status.phase = "Succeeded"
    assert state(pod) == "Succeeded"


def cells(document: Data, *, wide: bool = False) -> dict[str, Any]:
    obj = made({**document, "metadata": {**document["metadata"], "creationTimestamp": "1970-01-01T00:00:00Z"}})
    columns = REGISTRY.of(type(obj)).columns
    return {column.name: column.cell(obj, 130.0) for column in columns if wide or column.priority == 0}


def test_columns_of_other_kinds() -> None:
    assert cells(DEPLOYMENT, wide=True) == {
        "Name": "web",
        "Ready": "0/1",
        "Up-to-date": 0,
        "Available": 0,
        "Age": "2m10s",
        "Containers": "c",
        "Images": "nginx:1.25",
        "Selector": "app=web",
    }
    assert cells(changed(SERVICE, "spec.clusterIP", "None")) == {
        "Name": "web",
        "Type": "ClusterIP",
        "Cluster-IP": "None",
        "External-IP": "<none>",
        "Port(s)": "80/TCP",
        "Age": "2m10s",
    }
    slice_ = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "s"},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [f"10.0.0.{n}"]} for n in range(1, 6)],
        "ports": [{"port": 80}],
    }
    assert cells(slice_)["Endpoints"] == "10.0.0.1,10.0.0.2,10.0.0.3 + 2 more..."
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "n", "labels": {"node-role.kubernetes.io/control-plane": ""}},
        "spec": {"unschedulable": True},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }
    assert cells(node)["Status"] == "Ready,SchedulingDisabled"
    assert cells(node)["Roles"] == "control-plane"
