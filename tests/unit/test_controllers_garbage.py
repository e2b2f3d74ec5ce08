"""Garbage collection by ownerReferences, and bounds on Pods that have ended."""

from __future__ import annotations

import asyncio

import pytest

from nsorch.resources.apps import Deployment, ReplicaSet
from nsorch.resources.config import ConfigMap, Secret
from nsorch.resources.namespace import Namespace
from nsorch.resources.node import Node
from nsorch.resources.pod import Pod
from tests.support.control_plane import ControlPlane, deployment


@pytest.fixture
def run(tmp_path):
    def runner(scenario, **settings):
        async def inside():
            async with ControlPlane(tmp_path, **settings) as plane:
                await scenario(plane)

        asyncio.run(inside())

    return runner


def reference(owner, *, block=False, **changes):
    return {
        "apiVersion": owner.GROUP_VERSION,
        "kind": owner.KIND,
        "name": owner.name,
        "uid": owner.uid,
        "blockOwnerDeletion": block,
        **changes,
    }


async def config(plane, name, *references, namespace="default", finalizers=None):
    meta = {"name": name, "namespace": namespace, "ownerReferences": list(references), "finalizers": finalizers}
    return await plane.create(ConfigMap, {"metadata": meta})


def exists(plane, name, model=ConfigMap):
    return plane.client.get(model, "default", name) is not None


def test_background_deletion_cascades(run):
    async def scenario(plane):
        await plane.create(Deployment, deployment())
        await plane.settle()
        await plane.client.delete(Deployment, "default", "web", propagation="Background")
        assert not exists(plane, "web", Deployment)
        await plane.settle()
        assert plane.client.list(ReplicaSet, "default") == []
        assert plane.client.list(Pod, "default") == []

    run(scenario)


def test_foreground_deletion_waits_for_the_dependents(run):
    async def scenario(plane):
        await plane.create(Deployment, deployment())
        await plane.settle()
        plane.kubelet.ends = False
        await plane.client.delete(Deployment, "default", "web", propagation="Foreground")
        await plane.settle()
        assert plane.get(Deployment, "web").terminating
        (rs,) = plane.client.list(ReplicaSet, "default")
        assert rs.terminating
        assert all(pod.terminating for pod in plane.client.list(Pod, "default"))
        plane.kubelet.ends = True
        plane.kubelet.look_again()
        await plane.settle()
        assert not exists(plane, "web", Deployment)
        assert plane.client.list(ReplicaSet, "default") == []

    run(scenario)


def test_orphaning_leaves_the_dependents_without_owner(run):
    async def scenario(plane):
        await plane.create(Deployment, deployment())
        await plane.settle()
        await plane.client.delete(Deployment, "default", "web", propagation="Orphan")
        await plane.settle()
        assert not exists(plane, "web", Deployment)
        (rs,) = plane.client.list(ReplicaSet, "default")
        assert rs.metadata.ownerReferences is None
        assert len(plane.pods()) == 3
        # a Deployment of the same selector and template takes it up again
        await plane.create(Deployment, deployment())
        await plane.settle()
        assert [one.name for one in plane.client.list(ReplicaSet, "default")] == [rs.name]
        assert len(plane.pods()) == 3

    run(scenario)


def test_an_owner_of_another_uid_is_no_owner(run):
    async def scenario(plane):
        owner = await config(plane, "owner")
        await config(plane, "good", reference(owner))
        await config(plane, "stale", reference(owner, uid="00000000-0000-0000-0000-000000000000"))
        await config(plane, "unknown", reference(owner, apiVersion="example.com/v1", kind="Thing"))
        await plane.settle()
        assert [exists(plane, name) for name in ("good", "stale", "unknown")] == [True, False, True]

    run(scenario)


def test_one_living_owner_keeps_and_the_dead_reference_goes(run):
    async def scenario(plane):
        one, two = await config(plane, "one"), await config(plane, "two")
        await config(plane, "child", reference(one), reference(two))
        await plane.settle()
        await plane.client.delete(ConfigMap, "default", "one")
        await plane.settle()
        assert [owner.name for owner in plane.get(ConfigMap, "child").metadata.ownerReferences] == ["two"]
        await plane.client.delete(ConfigMap, "default", "two")
        await plane.settle()
        assert not exists(plane, "child")

    run(scenario)


def test_an_owner_in_another_namespace_does_not_count_and_is_reported(run):
    async def scenario(plane):
        await plane.create(Namespace, {"metadata": {"name": "team"}})
        owner = await config(plane, "owner", namespace="team")
        await config(plane, "child", reference(owner))
        await plane.settle()
        assert not exists(plane, "child")
        (message,) = await plane.events("OwnerRefInvalidNamespace")
        assert 'does not exist in namespace "default"' in message

    run(scenario)


def test_only_blocking_dependents_hold_a_foreground_deletion_up(run):
    async def scenario(plane):
        owner = await config(plane, "owner")
        await config(plane, "blocking", reference(owner, block=True), finalizers=["example.com/hold"])
        await config(plane, "free", reference(owner), finalizers=["example.com/hold"])
        await plane.settle()
        await plane.client.delete(ConfigMap, "default", "owner", propagation="Foreground")
        await plane.settle()
        assert plane.get(ConfigMap, "owner").terminating
        assert plane.get(ConfigMap, "blocking").terminating
        await plane.change(plane.get(ConfigMap, "blocking"), lambda obj: setattr(obj.metadata, "finalizers", None))
        await plane.settle()
        assert not exists(plane, "owner")
        assert plane.get(ConfigMap, "free").terminating

    run(scenario)


def test_a_circle_of_owners_can_be_deleted_in_the_foreground(run):
    async def scenario(plane):
        one = await config(plane, "one")
        two = await config(plane, "two", reference(one, block=True))
        circle = [type(one.metadata).from_dict({"ownerReferences": [reference(two, block=True)]}).ownerReferences]
        await plane.change(one, lambda obj: setattr(obj.metadata, "ownerReferences", circle[0]))
        await plane.settle()
        await plane.client.delete(ConfigMap, "default", "one", propagation="Foreground")
        await plane.settle()
        assert not exists(plane, "one")
        assert not exists(plane, "two")

    run(scenario)


def test_what_was_missed_while_stopped_is_collected_at_the_start(run):
    async def scenario(plane):
        owner = await plane.create(Secret, {"metadata": {"name": "owner"}})
        await config(plane, "child", reference(owner))
        await plane.settle()
        await plane.controllers.stop()
        await plane.client.delete(Secret, "default", "owner")
        await plane.restart_controllers()
        assert not exists(plane, "child")

    run(scenario)


def bare(name, **spec):
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "x"}], **spec}}


def test_ended_pods_are_bounded_in_total(run):
    async def scenario(plane):
        for number in range(5):
            await plane.create(Pod, bare(f"job-{number}"))
        await plane.settle()
        for pod in plane.pods():
            changed = pod.copy_deep()
            changed.status.phase = "Succeeded"
            await plane.client.update_status(changed)
        await plane.settle()
        assert [pod.name for pod in plane.pods()] == ["job-3", "job-4"]

    run(scenario, terminated_pods=2)


def test_pods_of_a_node_that_does_not_exist_are_given_up_after_a_while(run):
    async def scenario(plane):
        await plane.create(Node, {"metadata": {"name": "old", "namespace": None}})
        await plane.create(Pod, bare("stray", nodeName="old"))
        await plane.settle()
        await plane.client.delete(Node, None, "old")
        await plane.settle()
        assert plane.pods()
        await plane.advance(41)
        assert plane.client.list(Pod, "default") == []

    run(scenario)
