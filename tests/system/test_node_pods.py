"""Pods on a real node: start, configuration, images, probes, volumes, logs, ends."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from nsorch.images.store import ImageStore
from nsorch.resources.config import ConfigMap
from nsorch.resources.pod import Pod
from nsorch.resources.runtime import RuntimeRefused
from tests.support.node_host import (
    LOOP,
    NodeHost,
    busybox_archive,
    is_ready,
    is_running,
    run_node,
    status_of,
    waits_for,
)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image store that has ``busybox``."""
    folder = tmp_path_factory.mktemp("images")
    archive = busybox_archive(folder / "busybox.tar", ["busybox:latest"])

    async def load() -> None:
        store = ImageStore(folder / "store")
        await store.load(archive)
        await store.close()

    asyncio.run(load())
    return folder / "store"


def config_map(name: str, **data: str) -> ConfigMap:
    return ConfigMap.from_dict(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": data}
    )


def test_a_pod_runs_is_entered_read_and_deleted_without_a_trace(images: Path) -> None:
    async def scenario(node: NodeHost) -> None:
        await node.create("web", {"command": ["sh", "-c", "echo out; echo err >&2; " + LOOP[2]]})
        pod = await node.running("web")
        assert is_ready(pod)
        assert pod.status.podIP
        code, text = await node.sh(pod, "hostname; cat /etc/hosts; exit 3")
        assert code == 3
        assert text.startswith("web\n")
        assert f"{pod.status.podIP}\tweb" in text
        assert sorted((await node.log(pod)).split()) == ["err", "out"]
        assert node.events("web", "Started") == ["Started container main"]
        await node.client.delete(Pod, "default", "web")
        await node.gone("web")
        assert node.proxy.drained == [pod.status.podIP]
        assert dict(node.addresses.all()) == {}
        assert not node.paths.pod(pod.uid).exists()
        assert not node.paths.pod_logs("default", "web", pod.uid).exists()

    run_node(images, scenario)


def test_ends_and_restarts(images: Path) -> None:
    async def scenario(node: NodeHost) -> None:
        await node.create("done", {"command": ["sh", "-c", "echo ok"]}, restartPolicy="Never")
        await node.create("bad", {"command": ["sh", "-c", "exit 4"]}, restartPolicy="Never")
        await node.create("crash", {"command": ["sh", "-c", "echo bye; exit 3"]})
        await node.create("nothing", {"command": ["/nonexistent"]})
        await node.create("late", activeDeadlineSeconds=1)
        done = await node.when("done", lambda pod: pod.status.phase == "Succeeded")
        assert await node.log(done) == "ok\n"
        bad = await node.when("bad", lambda pod: pod.status.phase == "Failed")
        state = status_of(bad).state
        assert state is not None
        assert state.terminated is not None
        assert state.terminated.exitCode == 4
        crash = await node.when("crash", lambda pod: waits_for(pod, "CrashLoopBackOff"))
        assert await node.log(crash, previous=True) == "bye\n"
        await node.when("nothing", lambda pod: waits_for(pod, "CrashLoopBackOff", "RunContainerError"))
        assert any("/nonexistent" in text for text in node.events("nothing", "Failed"))
        late = await node.when("late", lambda pod: pod.status.phase == "Failed")
        assert late.status.reason == "DeadlineExceeded"

    run_node(images, scenario)


def test_configuration_that_comes_later_and_changes(images: Path) -> None:
    async def scenario(node: NodeHost) -> None:
        variable = {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "cm", "key": "a"}}}
        await node.create("env", {"env": [variable]})
        await node.create(
            "files",
            {"volumeMounts": [{"name": "v", "mountPath": "/v"}]},
            volumes=[{"name": "v", "configMap": {"name": "cm"}}],
        )
        waiting = await node.when("env", lambda pod: waits_for(pod, "CreateContainerConfigError"))
        state = status_of(waiting).state
        assert state is not None
        assert state.waiting is not None
        assert state.waiting.message == 'configmap "cm" not found'
        await node.when("files", lambda pod: waits_for(pod, "ContainerCreating"))
        assert node.events("files", "FailedMount") == [
            'MountVolume.SetUp failed for volume "v" : configmap "cm" not found'
        ]
        await node.client.create(config_map("cm", a="1"))
        env, files = await node.running("env"), await node.running("files")
        assert await node.sh(env, "echo $A") == (0, "1\n")
        assert await node.sh(files, "cat /v/a") == (0, "1")
        await node.client.update(config_map("cm", a="2"))
        follow = "until [ $(cat /v/a) = 2 ]; do sleep 0.02; done; cat /v/a; touch /v/x"
        code, text = await node.sh(files, follow)
        assert text.startswith("2touch: /v/x: Read-only")
        assert code == 1

    run_node(images, scenario)


def test_images_that_are_missing_and_appear(images: Path) -> None:
    async def scenario(node: NodeHost) -> None:
        await node.create("later", {"image": "later:1"})
        await node.create("never", {"image": "later:2", "imagePullPolicy": "Never"})
        await node.when("later", lambda pod: waits_for(pod, "ImagePullBackOff"))
        await node.when("never", lambda pod: waits_for(pod, "ErrImageNeverPull"))
        assert any("nsorch image build" in text for text in node.events("later", "Failed"))
        await node.images.tag("busybox", "later:1")
        await node.images.tag("busybox", "later:2")
        await node.running("later")
        await node.running("never")
        await node.images.remove("later:1", force=True)
        await node.images.remove("later:2", force=True)

    run_node(images, scenario)


def test_init_containers_sidecars_and_shared_volumes(images: Path) -> None:
    async def scenario(node: NodeHost) -> None:
        mount = {"volumeMounts": [{"name": "e", "mountPath": "/e"}]}
        base = {"image": "busybox", "imagePullPolicy": "IfNotPresent"}
        await node.create(
            "steps",
            {"command": ["sh", "-c", "cat /e/f"], **mount},
            restartPolicy="Never",
            volumes=[{"name": "e", "emptyDir": {}}],
            initContainers=[
                {"name": "first", "command": ["sh", "-c", "echo made > /e/f"], **base, **mount},
                {"name": "side", "command": LOOP, "restartPolicy": "Always", **base},
            ],
        )
        pod = await node.when("steps", lambda pod: pod.status.phase == "Succeeded")
        assert await node.log(pod) == "made\n"
        assert status_of(pod, "first").ready
        assert not is_running(pod, "side")

    run_node(images, scenario)


def test_probes_decide_readiness_and_restart(images: Path) -> None:
    async def scenario(node: NodeHost) -> None:
        server = "mkdir /www; echo hi > /www/index.html; httpd -p 8080 -h /www; "
        await node.create(
            "web",
            {
                "command": ["sh", "-c", server + LOOP[2]],
                "ports": [{"name": "http", "containerPort": 8080}],
                "readinessProbe": {"httpGet": {"path": "/", "port": "http"}},
                "livenessProbe": {
                    "exec": {"command": ["sh", "-c", "test ! -e /bad"]},
                    "periodSeconds": 1,
                    "failureThreshold": 1,
                },
            },
        )
        pod = await node.when("web", is_ready)
        reader, writer = await node.agent.connect(pod.uid, 8080)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        assert (await reader.read()).endswith(b"hi\n")
        writer.close()
        before = status_of(pod).containerID
        await node.sh(pod, "touch /bad")
        again = await node.when("web", lambda pod: status_of(pod).restartCount == 1 and is_ready(pod))
        assert status_of(again).containerID != before
        assert node.events("web", "Killing") == ["Container main failed liveness probe, will be restarted"]

    run_node(images, scenario)


def test_exec_streams_and_refusals(images: Path) -> None:
    async def scenario(node: NodeHost) -> None:
        await node.create("box")
        pod = await node.running("box")
        session = await node.agent.exec(pod.uid, "main", ["cat"], stdin=True, tty=False)
        size = 0

        async def read() -> None:
            nonlocal size
            while (item := await session.read()) is not None:
                size += len(item[1])

        reading = asyncio.create_task(read())
        await session.write(b"x" * 300_000)
        await session.close_stdin()
        await reading
        assert (size, await session.wait()) == (300_000, 0)
        await session.close()
        terminal = await node.agent.exec(pod.uid, "main", ["sh"], stdin=True, tty=True)
        await terminal.resize(33, 99)
        await terminal.write(b"stty size; exit 5\n")
        text = b""
        while (item := await terminal.read()) is not None:
            text += item[1]
        assert b"33 99" in text
        assert await terminal.wait() == 5
        await terminal.close()
        missing = await node.agent.exec(pod.uid, "main", ["nope"], stdin=False, tty=False)
        with pytest.raises(RuntimeRefused, match="not found"):
            await missing.wait()
        await missing.close()
        with pytest.raises(RuntimeRefused):
            await node.agent.exec("no-such-uid", "main", ["sh"], stdin=False, tty=False)

    run_node(images, scenario)


def test_attaching_to_a_terminal(images: Path) -> None:
    async def scenario(node: NodeHost) -> None:
        await node.create("term", {"command": ["sh"], "stdin": True, "tty": True}, restartPolicy="Never")
        pod = await node.running("term")
        session = await node.agent.attach(pod.uid, "main", stdin=True, tty=True)
        await session.resize(33, 99)
        await session.write(b"stty size; tty; exit 6\n")
        text = b""
        while (item := await session.read()) is not None:
            text += item[1]
        assert b"33 99" in text
        await session.close()
        pod = await node.when("term", lambda pod: pod.status.phase == "Failed")
        with pytest.raises(RuntimeRefused, match="completed pod"):
            await node.agent.attach(pod.uid, "main", stdin=True, tty=True)

    run_node(images, scenario)


def test_following_a_log_ends_with_its_run(images: Path) -> None:
    async def scenario(node: NodeHost) -> None:
        script = "echo one; sleep 0.2; echo two; sleep 0.2; exit 1"
        await node.create("log", {"command": ["sh", "-c", script]}, restartPolicy="Never")
        pod = await node.running("log")
        assert await node.log(pod, follow=True) == "one\ntwo\n"
        assert (await node.log(pod, timestamps=True, tail_lines=1)).count("Z ") == 1
        await node.create("held", {"image": "not-there:1"})
        held = await node.when("held", lambda pod: bool(pod.status.containerStatuses))
        with pytest.raises(RuntimeRefused, match="waiting to start"):
            await node.log(held)

    run_node(images, scenario)


def test_memory_volumes_sub_paths_and_links_that_lead_out(images: Path) -> None:
    async def scenario(node: NodeHost) -> None:
        await node.create(
            "vol",
            {
                "volumeMounts": [
                    {"name": "disk", "mountPath": "/disk"},
                    {"name": "disk", "mountPath": "/sub", "subPath": "a/b"},
                    {"name": "memory", "mountPath": "/memory"},
                    {"name": "memory", "mountPath": "/inner", "subPath": "x"},
                ]
            },
            volumes=[
                {"name": "disk", "emptyDir": {}},
                {"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
            ],
        )
        pod = await node.running("vol")
        script = (
            "echo hi > /sub/f; cat /disk/a/b/f; touch /inner/g; ls /memory/x; grep -c ' /memory tmpfs' /proc/mounts"
        )
        assert await node.sh(pod, script) == (0, "hi\ng\n1\n")
        full, _ = await node.sh(pod, "dd if=/dev/zero of=/memory/big bs=1M count=2 2>/dev/null")
        assert full == 1
        await node.sh(pod, "rm -r /disk/a; ln -s /etc /disk/a; mkdir -p /disk/etc/b; touch /disk/etc/b/inside; kill 1")
        again = await node.when("vol", lambda pod: status_of(pod).restartCount == 1 and is_running(pod))
        assert await node.sh(again, "ls /sub") == (0, "inside\n")

    run_node(images, scenario)


def test_images_of_running_pods_change_in_place(images: Path) -> None:
    async def scenario(node: NodeHost) -> None:
        await node.images.tag("busybox", "other:2")
        await node.create("web")
        pod = await node.running("web")
        changed = pod.copy_deep()
        changed.spec.containers[0].image = "other:2"
        await node.client.update(changed)
        again = await node.when("web", lambda pod: status_of(pod).image == "other:2" and is_running(pod))
        assert status_of(again).restartCount == 1
        assert node.events("web", "Killing") == ["Container main definition changed, will be restarted"]
        await node.client.delete(Pod, "default", "web")
        await node.gone("web")
        await node.images.remove("other:2")

    run_node(images, scenario)


def test_a_container_is_added_to_a_running_pod(images: Path) -> None:
    """As ``kubectl debug`` does it; the Pod's own container runs on."""

    async def scenario(node: NodeHost) -> None:
        await node.create("web", shareProcessNamespace=True)
        before = await node.running("web")
        script = "ps; echo seen; exit 3"
        added = {"name": "debugger", "image": "busybox", "command": ["sh", "-c", script]}
        patch = {"spec": {"ephemeralContainers": [added]}}
        await node.client.patch(Pod, "default", "web", patch, subresource="ephemeralcontainers")

        def ended(pod: Pod) -> bool:
            status = (pod.status.ephemeralContainerStatuses or [None])[0]
            return bool(status and status.state and status.state.terminated and status.state.terminated.exitCode == 3)

        pod = await node.when("web", ended)
        log = await node.log(pod, container="debugger")
        assert "seen" in log
        assert "trap" in log, "it sees the processes of the Pod"
        assert is_running(pod)
        assert status_of(pod).containerID == status_of(before).containerID
        await node.client.delete(Pod, "default", "web")
        await node.gone("web")

    run_node(images, scenario)
