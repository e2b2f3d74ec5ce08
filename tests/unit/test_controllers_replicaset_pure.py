"""Which Pods a ReplicaSet deletes first, and what it reports."""

from __future__ import annotations

import pytest

from nsorch.controllers.replicaset import status
from nsorch.controllers.replicaset.plan import DELETION_COST, batches, pods_to_delete
from nsorch.kit.clock import rfc3339
from nsorch.resources.apps import ReplicaSet
from nsorch.resources.pod import Pod

NOW = 1_700_000_000.0


def pod(name, *, node="box", phase="Running", ready_for=1000.0, cost=None, restarts=0, age=2000.0, labels=None):
    conditions = []
    if ready_for is not None:
        conditions.append({"type": "Ready", "status": "True", "lastTransitionTime": rfc3339(NOW - ready_for)})
    return Pod.from_dict(
        {
            "metadata": {
                "name": name,
                "uid": name,
                "namespace": "default",
                "labels": labels,
                "creationTimestamp": rfc3339(NOW - age),
                "annotations": {DELETION_COST: cost} if cost else None,
            },
            "spec": {"containers": [{"name": "c"}], "nodeName": node},
            "status": {
                "phase": phase,
                "conditions": conditions,
                "containerStatuses": [
                    {"name": "c", "image": "", "imageID": "", "ready": True, "restartCount": restarts}
                ],
            },
        }
    )


@pytest.mark.parametrize(
    "order",
    [
        [pod("z", node=None, phase="Pending", ready_for=None), pod("a", phase="Pending", ready_for=None)],
        [pod("z", phase="Pending", ready_for=None), pod("y", phase="Unknown"), pod("a")],
        [pod("z", ready_for=None), pod("a")],
        [pod("z", cost="-5"), pod("y"), pod("a", cost="10")],
        [pod("z", cost="007"), pod("a", cost="1")],
        [pod("z", ready_for=10), pod("a", ready_for=1000)],
        [pod("z", restarts=3), pod("a")],
        [pod("z", age=1100), pod("a", age=5000)],
        [pod("a", ready_for=1000), pod("b", ready_for=1010)],  # about the same age: by uid
    ],
)
def test_who_goes_first(order):
    assert [one.name for one in pods_to_delete(order[::-1], len(order) - 1, NOW)] == [one.name for one in order[:-1]]


def test_creation_starts_slowly():
    assert list(batches(0)) == []
    assert list(batches(1)) == [1]
    assert list(batches(10)) == [1, 2, 4, 3]
    assert sum(batches(500)) == 500


def replica_set(**status_fields):
    return ReplicaSet.from_dict(
        {
            "metadata": {"name": "rs", "namespace": "default", "uid": "rs", "generation": 3},
            "spec": {
                "replicas": 3,
                "minReadySeconds": 30,
                "selector": {"matchLabels": {"app": "a"}},
                "template": {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "c"}]}},
            },
            "status": {"replicas": 0, **status_fields},
        }
    )


def test_status_counts_and_the_next_deadline():
    pods = [
        pod("a", labels={"app": "a"}, ready_for=100),
        pod("b", labels={"app": "a"}, ready_for=10),
        pod("c", labels={"app": "b"}, ready_for=None),
    ]
    found = status.calculate(replica_set(), pods, None, NOW)
    assert found.to_dict() == {
        "replicas": 3,
        "fullyLabeledReplicas": 2,
        "readyReplicas": 2,
        "availableReplicas": 1,
        "observedGeneration": 3,
    }
    assert status.next_available_in(replica_set(), pods, NOW) == 20
    assert status.next_available_in(replica_set(), pods[:1], NOW) is None


def test_a_failure_is_a_condition_until_it_is_over():
    failed = status.calculate(replica_set(), [], "no quota", NOW)
    (condition,) = failed.conditions
    assert (condition.type, condition.status, condition.reason) == ("ReplicaFailure", "True", "FailedCreate")
    kept = status.calculate(replica_set(conditions=[condition.to_dict()]), [], "another reason", NOW + 50)
    assert kept.conditions == [condition]
    over = status.calculate(replica_set(conditions=[condition.to_dict()]), [], None, NOW)
    assert over.conditions is None
