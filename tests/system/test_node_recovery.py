"""What happens to Pods when the daemon, their supervisor or the host goes away, and how they are ended."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from nsorch.node.teardown import stop_everything
from nsorch.resources.event import Event
from nsorch.resources.node import Node
from nsorch.resources.pod import Pod
from nsorch.supervisor import wire
from tests.support.node_host import LOOP, NODE, NodeHost, is_ready, is_running, run_node, status_of
from tests.system.test_node_pods import images  # noqa: F401  (the fixture)


def test_a_new_daemon_adopts_pods_and_ends_orphans(images: Path) -> None:  # noqa: F811
    async def scenario(node: NodeHost) -> None:
        probe = {"readinessProbe": {"exec": {"command": ["true"]}, "periodSeconds": 1}}
        await node.create("kept", probe)
        await node.create("orphan")
        kept, orphan = await node.when("kept", is_ready), await node.running("orphan")

        async def forget() -> None:
            await node.client.delete(Pod, "default", "orphan", grace_seconds=0)

        await node.restart_agent(meanwhile=forget)
        worker = node.agent.workers[kept.uid]
        await node.eventually(lambda: worker.state is not None and not node.paths.pod_socket(orphan.uid).exists())
        now = node.pod("kept")
        assert now.metadata.resourceVersion == kept.metadata.resourceVersion, "adopting changes nothing"
        assert now.status.podIP == kept.status.podIP
        assert await node.sh(now, "echo alive") == (0, "alive\n")
        assert set(node.addresses.all()) == {kept.uid}

    run_node(images, scenario)


def test_a_pod_whose_supervisor_is_killed_has_failed(images: Path) -> None:  # noqa: F811
    async def scenario(node: NodeHost) -> None:
        await node.create("seen")
        await node.create("unseen")
        seen, unseen = await node.running("seen"), await node.running("unseen")

        def kill(pod: Pod) -> None:
            state = node.agent.workers[pod.uid].state
            assert state is not None
            os.kill(state.pid, signal.SIGKILL)

        pid = node.agent.workers[unseen.uid].state
        assert pid is not None
        await node.create("told")
        told = node.agent.workers[(await node.running("told")).uid].state
        assert told is not None
        os.kill(told.pid, signal.SIGTERM)
        failed = await node.when("told", lambda pod: pod.status.phase == "Failed")
        ended = status_of(failed).state
        assert ended is not None
        assert ended.terminated is not None
        assert ended.terminated.exitCode == 0
        kill(seen)
        failed = await node.when("seen", lambda pod: pod.status.phase == "Failed")
        assert failed.status.reason == "SandboxChanged"

        async def kill_meanwhile() -> None:
            os.kill(pid.pid, signal.SIGKILL)

        await node.restart_agent(meanwhile=kill_meanwhile)
        failed = await node.when("unseen", lambda pod: pod.status.phase == "Failed")
        state = status_of(failed).state
        assert state is not None
        assert state.terminated is not None
        assert state.terminated.reason == "ContainerStatusUnknown"

    run_node(images, scenario)


def test_after_a_reboot_bare_pods_are_made_again_and_owned_ones_fail(images: Path) -> None:  # noqa: F811
    async def scenario(node: NodeHost) -> None:
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs", "uid": "rs-uid", "controller": True}
        await node.create("bare")
        bare = await node.running("bare")
        await node.controllers.stop()
        await node.create("owned", meta={"ownerReferences": [owner]})
        await node.running("owned")

        async def reboot() -> None:
            pass

        await node.agent.stop()
        await stop_everything(node.paths, 1)
        await node.restart_agent(meanwhile=reboot)
        again = await node.when("bare", lambda pod: is_running(pod) and status_of(pod).restartCount == 1)
        assert again.status.podIP == bare.status.podIP
        assert status_of(again).containerID != status_of(bare).containerID
        await node.gone("owned")

    run_node(images, scenario)


def test_a_terminating_pod_leaves_the_rules_before_it_is_signalled(images: Path) -> None:  # noqa: F811
    async def scenario(node: NodeHost) -> None:
        stop = {"lifecycle": {"preStop": {"exec": {"command": ["sh", "-c", "echo stopping > /proc/1/fd/1"]}}}}
        await node.create(
            "web", {"command": ["sh", "-c", "trap 'echo term; exit 0' TERM; " + LOOP[2].partition("; ")[2]], **stop}
        )
        pod = await node.running("web")
        node.proxy.hold = asyncio.Event()
        await node.client.delete(Pod, "default", "web")
        await node.eventually(lambda: node.proxy.drained)
        assert await node.sh(pod, "echo serving") == (0, "serving\n")
        follow = node.log(pod, follow=True)
        node.proxy.hold.set()
        assert await follow == "stopping\nterm\n"
        await node.gone("web")

    run_node(images, scenario)


def test_deleting_while_starting_and_what_ignores_signals(images: Path) -> None:  # noqa: F811
    async def scenario(node: NodeHost) -> None:
        await node.create("early")
        await node.client.delete(Pod, "default", "early", grace_seconds=1)
        await node.gone("early")
        await node.create("deaf", {"command": ["sleep", "1000"]})
        await node.running("deaf")
        await node.client.delete(Pod, "default", "deaf", grace_seconds=30)
        await node.client.delete(Pod, "default", "deaf", grace_seconds=1)
        await node.gone("deaf")
        await node.create("waiting", {"image": "not-there:1"})
        await node.when("waiting", lambda pod: bool(pod.status.containerStatuses))
        await node.client.delete(Pod, "default", "waiting")
        await node.gone("waiting")

    run_node(images, scenario)


def test_a_killed_spawner_is_replaced_and_pods_do_not_notice(images: Path) -> None:  # noqa: F811
    async def scenario(node: NodeHost) -> None:
        await node.create("before")
        before = await node.running("before")
        connection = wire.connect(str(node.paths.spawner_socket))
        wire.send(connection, {"id": 1, "op": "ping"})
        answer = wire.receive(connection)
        assert answer is not None
        os.kill(answer[0]["pid"], signal.SIGKILL)
        assert wire.receive(connection) is None
        connection.close()
        await node.create("after")
        await node.running("after")
        assert status_of(node.pod("before")) == status_of(before)

    run_node(images, scenario)


def test_what_keeps_a_sandbox_from_being_made_is_an_event(images: Path) -> None:  # noqa: F811
    async def scenario(node: NodeHost) -> None:
        node.paths.pods.rename(node.paths.pods.with_name("elsewhere"))
        node.paths.pods.write_text("not a folder")
        await node.create("stuck")
        await node.until(Event, lambda: node.events("stuck", "FailedCreatePodSandBox"))
        assert node.events("stuck", "FailedCreatePodSandBox")[0].startswith(
            "Failed to create pod sandbox: cannot write"
        )
        assert node.pod("stuck").status.phase == "Pending"
        node.paths.pods.unlink()
        node.paths.pods.with_name("elsewhere").rename(node.paths.pods)
        await node.running("stuck")

    run_node(images, scenario)


def test_finalizers_keep_the_object_but_not_the_processes(images: Path) -> None:  # noqa: F811
    async def scenario(node: NodeHost) -> None:
        await node.create("held", meta={"finalizers": ["example.org/hold"]})
        pod = await node.running("held")
        await node.client.delete(Pod, "default", "held")
        await node.eventually(lambda: pod.uid not in node.agent.workers)
        left = node.pod("held")
        assert left.terminating
        assert not is_running(left)
        assert not node.paths.pod(pod.uid).exists()
        await node.client.patch(Pod, "default", "held", {"metadata": {"labels": {"touched": "yes"}}})
        await node.restart_agent()
        await node.eventually(lambda: pod.uid not in node.agent.workers)
        await node.client.patch(Pod, "default", "held", {"metadata": {"finalizers": None}})
        await node.gone("held")

    run_node(images, scenario)


def test_the_node_is_ready_and_comes_back_when_deleted(images: Path) -> None:  # noqa: F811
    async def scenario(node: NodeHost) -> None:
        await node.create("web")
        before = await node.running("web")
        found = node.client.get(Node, None, NODE)
        assert found is not None
        assert found.status is not None
        ready = [item.status for item in found.status.conditions or () if item.type == "Ready"]
        assert ready == ["True"]
        assert not found.spec.taints
        assert (found.status.capacity or {})["pods"] == "1k"
        unchanged = found.metadata.resourceVersion
        await node.restart_agent()
        found = node.client.get(Node, None, NODE)
        assert found is not None
        assert found.metadata.resourceVersion == unchanged
        await node.client.delete(Node, None, NODE)

        def again() -> bool:
            now = node.client.get(Node, None, NODE)
            return now is not None and now.uid != found.uid and bool(now.status and now.status.conditions)

        await node.until(Node, again)
        assert status_of(node.pod("web")) == status_of(before)

    run_node(images, scenario)
