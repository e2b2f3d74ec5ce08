"""Revisions, hashes, conditions and progress of Deployments: pure."""

from __future__ import annotations

import pytest

from nsorch.controllers.deployment import conditions, revisions, status
from nsorch.controllers.hashing import fnv32a, hash_of, safe_encode
from nsorch.kit.clock import rfc3339
from nsorch.resources.apps import Deployment, DeploymentStatus, ReplicaSet
from tests.support.control_plane import deployment

NOW = 1_700_000_000.0


def made(**status_fields) -> Deployment:
    document = deployment(progressDeadlineSeconds=600)
    document["metadata"] |= {"namespace": "default", "uid": "u", "generation": 2}
    return Deployment.from_dict({**document, "status": status_fields})


def replica_set(name="rs", **changes) -> ReplicaSet:
    document = deployment()
    spec = {key: document["spec"][key] for key in ("replicas", "selector", "template")}
    return ReplicaSet.from_dict(
        {"metadata": {"name": name, "uid": name}, "spec": spec, "status": {"replicas": 0}} | changes
    )


def test_hashes():
    assert fnv32a(b"") == 0x811C9DC5
    assert fnv32a(b"foobar") == 0xBF9CF968
    assert set(safe_encode("0123456789")) <= set("bcdfghjklmnpqrstvwxz2456789")
    assert hash_of({"a": 1, "b": 2}) == hash_of({"b": 2, "a": 1})
    assert len({hash_of({}), hash_of({}, 0), hash_of({}, 1)}) == 3


def test_the_name_of_a_replica_set_does_not_change_between_versions():
    assert revisions.new_replica_set(made(), 1, 2, 1).name == "web-" + hash_of(
        {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"image": "web:1", "name": "c"}]},
        }
    )


def test_the_hash_label_does_not_make_a_template_new():
    labelled = replica_set()
    labelled.spec.template.metadata.labels["pod-template-hash"] = "x"
    other = replica_set("other")
    other.spec.template.spec.containers[0].image = "web:2"
    assert revisions.find_new(made(), [other, labelled]) is labelled
    assert revisions.find_new(made(), [other]) is None


def test_revision_annotations():
    owner = made()
    owner.metadata.annotations = {
        "kubernetes.io/change-cause": "why",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        revisions.REVISION: "7",
    }
    assert revisions.annotations_to_set(owner, None, 3) == {
        "kubernetes.io/change-cause": "why",
        revisions.REVISION: "3",
    }
    old = replica_set(
        metadata={"name": "rs", "annotations": {revisions.REVISION: "1", revisions.REVISION_HISTORY: "0"}}
    )
    assert revisions.annotations_to_set(made(), old, 4) == {
        revisions.REVISION: "4",
        revisions.REVISION_HISTORY: "0,1",
    }
    newer = replica_set(metadata={"name": "rs", "annotations": {revisions.REVISION: "9"}})
    assert revisions.annotations_to_set(made(), newer, 4) == {}  # a revision never goes down


def test_the_history_annotation_is_bounded():
    history = ",".join(str(number) for number in range(1, 600))
    old = replica_set(
        metadata={"name": "rs", "annotations": {revisions.REVISION: "600", revisions.REVISION_HISTORY: history}}
    )
    changed = revisions.annotations_to_set(made(), old, 601)[revisions.REVISION_HISTORY]
    assert len(changed) <= revisions.HISTORY_LIMIT
    assert changed.endswith(",599,600")


@pytest.mark.parametrize(("limit", "expected"), [(None, 0), (2**31 - 1, 0), (0, 2), (1, 2), (2, 1), (3, 0)])
def test_history_to_delete(limit, expected):
    sets = [
        replica_set(
            f"rs{number}",
            metadata={"name": f"rs{number}", "uid": f"{number}", "annotations": {revisions.REVISION: str(number)}},
        )
        for number in (3, 1, 2)
    ]
    for rs in sets:
        rs.spec.replicas = 1 if rs.name == "rs3" else 0
    chosen = revisions.history_to_delete(sets, limit)
    assert [rs.name for rs in chosen] == ["rs1", "rs2"][:expected]


def test_a_condition_keeps_its_transition_while_its_status_stays():
    held = DeploymentStatus()
    conditions.put(held, conditions.make("Progressing", "True", "A", "", NOW))
    assert not conditions.put(held, conditions.make("Progressing", "True", "A", "again", NOW + 5))
    assert conditions.put(held, conditions.make("Progressing", "True", "B", "", NOW + 10))
    (only,) = held.conditions
    assert (only.lastTransitionTime, only.lastUpdateTime) == (rfc3339(NOW), rfc3339(NOW + 10))
    conditions.put(held, conditions.make("Progressing", "False", "C", "", NOW + 20))
    assert held.conditions[0].lastTransitionTime == rfc3339(NOW + 20)


def progressing(reason, at):
    condition = conditions.make("Progressing", "True", reason, "", at)
    return [condition.to_dict()]


@pytest.mark.parametrize(
    ("before", "after", "age", "expected"),
    [
        ({"replicas": 3}, {"replicas": 3, "updatedReplicas": 1}, 0, "ReplicaSetUpdated"),
        ({"replicas": 3, "updatedReplicas": 1}, {"replicas": 2, "updatedReplicas": 1}, 0, "ReplicaSetUpdated"),
        ({"replicas": 3, "readyReplicas": 1}, {"replicas": 3, "readyReplicas": 2}, 0, "ReplicaSetUpdated"),
        ({"replicas": 3}, {"replicas": 3}, 599, "NewReplicaSetCreated"),
        ({"replicas": 3}, {"replicas": 3}, 601, "ProgressDeadlineExceeded"),
        (
            {"replicas": 3},
            {"replicas": 3, "updatedReplicas": 3, "availableReplicas": 3, "observedGeneration": 2},
            700,
            "NewReplicaSetAvailable",
        ),
    ],
)
def test_progress(before, after, age, expected):
    held = progressing("NewReplicaSetCreated", NOW)
    found = made(**before, conditions=held)
    wanted = DeploymentStatus.from_dict({**after, "conditions": held})
    status.progress(found, replica_set(), wanted, NOW + age)
    assert conditions.find(wanted, "Progressing").reason == expected


def test_without_a_deadline_there_is_no_condition_and_nothing_is_awaited():
    found = made(conditions=progressing("NewReplicaSetCreated", NOW))
    found.spec.progressDeadlineSeconds = 2**31 - 1
    wanted = found.status.copy_deep()
    status.progress(found, None, wanted, NOW)
    assert wanted.conditions is None
    assert status.deadline_in(found, found.status, NOW) is None


def test_the_deadline_counts_from_the_last_progress():
    found = made(conditions=progressing("ReplicaSetUpdated", NOW - 180))
    assert status.deadline_in(found, found.status, NOW) == 420
