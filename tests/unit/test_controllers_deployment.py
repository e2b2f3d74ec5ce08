"""The Deployment and ReplicaSet controllers against a real store and the API's real operations."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nsorch.controllers import pods as pods_module
from nsorch.controllers.deployment import conditions, revisions
from nsorch.controllers.deployment.plan import limits
from nsorch.resources.apps import Deployment, ReplicaSet
from nsorch.resources.pod import Pod
from tests.support.control_plane import ControlPlane, deployment, image


@pytest.fixture
def run(tmp_path):
    def runner(scenario, **settings):
        async def inside():
            root = Path(tempfile.mkdtemp(dir=tmp_path))
            async with ControlPlane(root, **settings) as plane:
                await scenario(plane)

        asyncio.run(inside())

    return runner


def progressing(found: Deployment):
    condition = conditions.find(found.status, "Progressing")
    return condition and (condition.status, condition.reason, condition.message)


def test_a_deployment_becomes_available(run):
    async def scenario(plane):
        await plane.create(Deployment, deployment())
        await plane.settle()
        (rs,) = plane.sets("web").values()
        pods = plane.pods()
        assert len(pods) == 3
        assert all(pod.name.startswith(f"{rs.name}-") and len(pod.name) == len(rs.name) + 6 for pod in pods)
        assert all(pod.controller().uid == rs.uid and pod.controller().blockOwnerDeletion for pod in pods)
        digest = rs.metadata.labels["pod-template-hash"]
        assert rs.name == f"web-{digest}"
        assert all(pod.metadata.labels["pod-template-hash"] == digest for pod in pods)
        assert rs.spec.selector.matchLabels == {"app": "web", "pod-template-hash": digest}
        found = plane.get(Deployment, "web")
        assert found.metadata.annotations[revisions.REVISION] == "1"
        assert rs.metadata.annotations[revisions.DESIRED_REPLICAS] == "3"
        assert rs.metadata.annotations[revisions.MAX_REPLICAS] == "4"
        status = found.status
        assert (status.replicas, status.updatedReplicas, status.readyReplicas, status.availableReplicas) == (3, 3, 3, 3)
        assert status.unavailableReplicas is None
        assert status.observedGeneration == found.metadata.generation
        assert progressing(found) == (
            "True",
            "NewReplicaSetAvailable",
            f'ReplicaSet "{rs.name}" has successfully progressed.',
        )
        available = conditions.find(status, "Available")
        assert (available.status, available.reason, available.message) == (
            "True",
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.",
        )
        assert await plane.events("ScalingReplicaSet") == [f"Scaled up replica set {rs.name} from 0 to 3"]
        assert len(await plane.events("SuccessfulCreate")) == 3

    run(scenario)


def test_a_rolling_update_and_an_undo(run):
    async def scenario(plane):
        made = await plane.create(Deployment, deployment(replicas=4))
        await plane.settle()
        least = most = 4

        def watch(change):
            nonlocal least, most
            pods = plane.pods()
            most = max(most, len(pods))
            ready = [
                pod for pod in pods if any(c.type == "Ready" and c.status == "True" for c in pod.status.conditions)
            ]
            least = min(least, len(ready))

        plane.client.subscribe(Pod, watch)
        await plane.change(made, image("web:2"))
        await plane.settle()
        assert most <= 5
        assert least >= 3
        sets = plane.sets("web")
        assert (sets["web:1"].spec.replicas, sets["web:2"].spec.replicas) == (0, 4)
        assert {pod.spec.containers[0].image for pod in plane.pods()} == {"web:2"}
        assert plane.get(Deployment, "web").metadata.annotations[revisions.REVISION] == "2"
        new, old = sets["web:2"].name, sets["web:1"].name
        told = await plane.events("ScalingReplicaSet")
        assert told[1] == f"Scaled up replica set {new} from 0 to 1"
        assert f"Scaled down replica set {old} from 4 to 3" in told
        assert told[-1].startswith("Scaled ")

        # kubectl rollout undo writes the old template back
        await plane.change(made, image("web:1"))
        await plane.settle()
        sets = plane.sets("web")
        assert (sets["web:1"].spec.replicas, sets["web:2"].spec.replicas) == (4, 0)
        assert sets["web:1"].metadata.annotations[revisions.REVISION] == "3"
        assert sets["web:1"].metadata.annotations[revisions.REVISION_HISTORY] == "1"
        assert plane.get(Deployment, "web").metadata.annotations[revisions.REVISION] == "3"

    run(scenario)


def test_a_bad_update_stops_early_times_out_and_can_be_undone(run):
    async def scenario(plane):
        made = await plane.create(
            Deployment,
            deployment(
                replicas=10,
                progressDeadlineSeconds=60,
                strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}},
            ),
        )
        await plane.settle()
        plane.kubelet.ready = lambda pod: pod.spec.containers[0].image != "web:bad"
        await plane.change(made, image("web:bad"))
        await plane.settle()
        sets = plane.sets("web")
        assert (sets["web:1"].spec.replicas, sets["web:bad"].spec.replicas) == (8, 5)
        assert progressing(plane.get(Deployment, "web"))[1] == "ReplicaSetUpdated"
        await plane.advance(59)
        assert progressing(plane.get(Deployment, "web"))[1] == "ReplicaSetUpdated"
        await plane.advance(4)
        assert progressing(plane.get(Deployment, "web")) == (
            "False",
            "ProgressDeadlineExceeded",
            f'ReplicaSet "{sets["web:bad"].name}" has timed out progressing.',
        )
        await plane.change(made, image("web:1"))
        await plane.settle()
        sets = plane.sets("web")
        assert (sets["web:1"].spec.replicas, sets["web:bad"].spec.replicas) == (10, 0)
        assert progressing(plane.get(Deployment, "web"))[:2] == ("True", "NewReplicaSetAvailable")

    run(scenario)


def test_scaling_in_the_middle_of_a_rollout_is_proportional(run):
    async def scenario(plane):
        made = await plane.create(
            Deployment,
            deployment(
                replicas=10,
                strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}},
            ),
        )
        await plane.settle()
        plane.kubelet.ready = lambda pod: pod.spec.containers[0].image == "web:1"
        await plane.change(made, image("web:2"))
        await plane.settle()
        await plane.change(made, lambda found: setattr(found.spec, "replicas", 15))
        await plane.settle()
        sets = plane.sets("web")
        assert (sets["web:1"].spec.replicas, sets["web:2"].spec.replicas) == (11, 7)
        assert sets["web:1"].metadata.annotations[revisions.DESIRED_REPLICAS] == "15"

    run(scenario)


def test_scale_up_and_down_to_zero(run):
    async def scenario(plane):
        made = await plane.create(Deployment, deployment(replicas=2))
        await plane.settle()
        for wanted in (5, 1, 0, 3):
            await plane.change(made, lambda found, wanted=wanted: setattr(found.spec, "replicas", wanted))
            await plane.settle()
            assert len(plane.pods()) == wanted
            assert (plane.get(Deployment, "web").status.replicas or 0) == wanted
        (rs,) = plane.sets("web").values()
        assert (await plane.events("ScalingReplicaSet"))[1] == f"Scaled up replica set {rs.name} from 2 to 5"

    run(scenario)


def test_recreate_starts_nothing_new_before_the_last_old_pod_has_gone(run):
    async def scenario(plane):
        made = await plane.create(Deployment, deployment(strategy={"type": "Recreate"}))
        await plane.settle()
        plane.kubelet.ends = False
        await plane.change(made, image("web:2"))
        await plane.settle()
        assert len(plane.client.list(Pod, "default")) == 3
        assert "web:2" not in plane.sets("web")
        plane.kubelet.ends = True
        plane.kubelet.look_again()
        await plane.settle()
        assert [pod.spec.containers[0].image for pod in plane.pods()] == ["web:2"] * 3

    run(scenario)


def test_a_paused_deployment_does_not_roll_but_scales(run):
    async def scenario(plane):
        made = await plane.create(Deployment, deployment())
        await plane.settle()
        await plane.change(made, lambda found: setattr(found.spec, "paused", True))
        await plane.change(made, image("web:2"))
        await plane.change(made, lambda found: setattr(found.spec, "replicas", 5))
        await plane.settle()
        assert [pod.spec.containers[0].image for pod in plane.pods()] == ["web:1"] * 5
        assert progressing(plane.get(Deployment, "web")) == ("Unknown", "DeploymentPaused", "Deployment is paused")
        await plane.change(made, lambda found: setattr(found.spec, "paused", None))
        await plane.settle()
        assert [pod.spec.containers[0].image for pod in plane.pods()] == ["web:2"] * 5

    run(scenario)


def test_revision_history_is_bounded(run):
    async def scenario(plane):
        made = await plane.create(Deployment, deployment(replicas=1, revisionHistoryLimit=2))
        for number in range(1, 6):
            await plane.change(made, image(f"web:{number}"))
            await plane.settle()
        assert sorted(plane.sets("web")) == ["web:3", "web:4", "web:5"]
        assert plane.get(Deployment, "web").metadata.annotations[revisions.REVISION] == "5"

    run(scenario)


def test_min_ready_seconds_delays_availability(run):
    async def scenario(plane):
        made = await plane.create(Deployment, deployment(replicas=2, minReadySeconds=30))
        await plane.settle()
        found = plane.get(Deployment, "web")
        assert (found.status.readyReplicas, found.status.availableReplicas) == (2, None)
        assert conditions.find(found.status, "Available").reason == "MinimumReplicasUnavailable"
        await plane.advance(31)
        assert plane.get(Deployment, "web").status.availableReplicas == 2
        await plane.change(made, image("web:2"))
        await plane.settle()
        assert len([pod for pod in plane.pods() if pod.spec.containers[0].image == "web:1"]) == 2
        await plane.advance(31)
        await plane.advance(31)
        assert {pod.spec.containers[0].image for pod in plane.pods()} == {"web:2"}

    run(scenario)


def test_lost_pods_are_replaced_and_never_doubled(run):
    async def scenario(plane):
        await plane.create(Deployment, deployment(replicas=5))
        await plane.settle()
        victims = plane.pods()[:2]
        most = 0

        def watch(change):
            nonlocal most
            most = max(most, len(plane.pods()))

        plane.client.subscribe(Pod, watch)
        await asyncio.gather(*(plane.client.delete(Pod, "default", pod.name) for pod in victims))
        await plane.settle()
        names = {pod.name for pod in plane.pods()}
        assert len(names) == 5
        assert not names & {pod.name for pod in victims}
        assert most == 5

    run(scenario)


def test_failed_pods_are_replaced_and_bounded(run):
    async def scenario(plane):
        await plane.create(Deployment, deployment(replicas=1))
        await plane.settle()
        for _ in range(6):
            (pod,) = [pod for pod in plane.pods() if pod.status.phase == "Running"]
            changed = pod.copy_deep()
            changed.status.phase = "Failed"
            await plane.client.update_status(changed)
            await plane.settle()
        phases = sorted(pod.status.phase for pod in plane.pods())
        assert phases == ["Failed"] * 3 + ["Running"]

    run(scenario, failed_pods_per_owner=3)


def test_orphans_are_adopted_and_strays_released(run):
    async def scenario(plane):
        await plane.create(
            Pod,
            {
                "metadata": {"name": "lonely", "labels": {"app": "web"}},
                "spec": {"containers": [{"name": "c", "image": "web:1"}]},
            },
        )
        await plane.create(
            ReplicaSet,
            {
                "metadata": {"name": "rs", "labels": {"app": "web"}},
                "spec": {
                    "replicas": 2,
                    "selector": {"matchLabels": {"app": "web"}},
                    "template": {
                        "metadata": {"labels": {"app": "web"}},
                        "spec": {"containers": [{"name": "c", "image": "web:1"}]},
                    },
                },
                "status": {"replicas": 0},
            },
        )
        await plane.settle()
        assert len(plane.pods()) == 2
        assert plane.get(Pod, "lonely").controller().name == "rs"
        await plane.change(plane.get(Pod, "lonely"), lambda pod: pod.metadata.labels.update(app="debug"))
        await plane.settle()
        assert plane.get(Pod, "lonely").controller() is None
        assert len(plane.pods()) == 3

    run(scenario)


def test_a_clash_of_names_is_salted(run):
    async def scenario(plane):
        made = await plane.create(Deployment, deployment(paused=True))
        await plane.settle()
        name = revisions.new_replica_set(plane.get(Deployment, "web"), 0, 0, 1).name
        other = deployment(name="other", replicas=0)
        await plane.create(
            ReplicaSet,
            {
                "metadata": {"name": name},
                "spec": {key: other["spec"][key] for key in ("replicas", "selector", "template")},
                "status": {"replicas": 0},
            },
        )
        await plane.change(made, lambda found: setattr(found.spec, "paused", None))
        await plane.settle()
        found = plane.get(Deployment, "web")
        assert found.status.collisionCount == 1
        assert found.status.availableReplicas == 3
        assert name not in {rs.name for rs in plane.sets("web").values()}

    run(scenario)


def test_a_refused_creation_is_a_condition_and_heals(run):
    async def scenario(plane):
        made = await plane.create(Deployment, deployment())
        await plane.settle()

        def other_account(found):
            found.spec.template.spec.serviceAccountName = "robot"

        await plane.change(made, other_account)
        await plane.until(lambda: conditions.find(plane.get(Deployment, "web").status, "ReplicaFailure") is not None)
        condition = conditions.find(plane.get(Deployment, "web").status, "ReplicaFailure")
        assert (condition.status, condition.reason) == ("True", "FailedCreate")
        assert 'serviceaccount "robot" not found' in condition.message
        from nsorch.resources.account import ServiceAccount

        await plane.create(ServiceAccount, {"metadata": {"name": "robot"}})
        plane.controllers.promote()
        await plane.settle()
        found = plane.get(Deployment, "web")
        assert conditions.find(found.status, "ReplicaFailure") is None
        assert found.status.updatedReplicas == 3

    run(scenario)


def test_a_restart_in_the_middle_of_a_rollout_changes_nothing(run):
    async def scenario(plane):
        made = await plane.create(Deployment, deployment(replicas=6))
        await plane.settle()
        await plane.change(made, image("web:2"))
        await plane.controllers.stop()
        for _ in range(3):
            await plane.restart_controllers()
        assert [pod.spec.containers[0].image for pod in plane.pods()] == ["web:2"] * 6
        before = plane.store.revision
        await plane.restart_controllers()
        assert plane.store.revision == before  # nothing is written when nothing changes

    run(scenario)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32),
    replicas=st.integers(1, 8),
    surge=st.sampled_from([0, 1, 2, "25%", "50%"]),
    unavailable=st.sampled_from([0, 1, 3, "25%", "40%"]),
)
def test_no_course_of_events_breaks_the_promises_of_a_rollout(run, seed, replicas, surge, unavailable):
    """Pods become ready in any order, templates change in the middle, the controllers are restarted at any time."""
    random = Random(seed)
    if surge == unavailable == 0:
        surge = 1
    limit = limits(replicas, "RollingUpdate", surge, unavailable)
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}

    async def scenario(plane):
        made = await plane.create(Deployment, deployment(replicas=replicas, strategy=strategy))
        await plane.settle()
        allowed: set[str] = set()

        def is_ready(pod):
            return pod.uid in allowed or pod.spec.containers[0].image == "web:1"

        broken = []

        def watch(change):
            pods = plane.pods()
            available = [pod for pod in pods if pods_module.is_ready(pod)]
            if len(pods) > limit.most or len(available) < limit.least_available:
                broken.append((len(pods), len(available)))

        plane.client.subscribe(Pod, watch)
        plane.kubelet.ready = is_ready
        await plane.change(made, image("web:2"))
        for _ in range(6 * replicas):
            for _ in range(random.randrange(12)):
                await asyncio.sleep(0)
            chance = random.random()
            if chance < 0.05:
                await plane.change(made, image(f"web:{random.randrange(2, 5)}"))
            elif chance < 0.1:
                await plane.restart_controllers()
            waiting = [pod for pod in plane.pods() if not pods_module.is_ready(pod)]
            if waiting:
                allowed.add(random.choice(waiting).uid)
                plane.kubelet.look_again()
        plane.kubelet.ready = lambda pod: True
        plane.kubelet.look_again()
        await plane.settle()
        assert not broken
        wanted = plane.get(Deployment, "web").spec.template.spec.containers[0].image
        assert [pod.spec.containers[0].image for pod in plane.pods()] == [wanted] * replicas
        assert progressing(plane.get(Deployment, "web"))[1] == "NewReplicaSetAvailable"

    run(scenario)
