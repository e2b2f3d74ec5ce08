"""kr8s: asynchronous underneath, discovery driven, SPDY-free port-forward and exec over WebSocket."""

from __future__ import annotations

from typing import Any

import kr8s
import pytest
from kr8s.objects import ConfigMap, Deployment, Pod, Service, objects_from_files

from tests.clients.conftest import Place

LOOP = ["sh", "-c", "trap 'exit 0' TERM; echo started; while true; do sleep 0.05; done"]


@pytest.fixture
def api(place: Place) -> Any:
    return kr8s.api(kubeconfig=str(place.kubeconfig), namespace=place.name)


def configmap(api: Any, name: str, **data: str) -> Any:
    meta = {"name": name, "namespace": api.namespace, "labels": {"made": "here"}}
    return ConfigMap({"metadata": meta, "data": data}, api=api)


def test_objects_from_birth_to_death(api: Any) -> None:
    made = configmap(api, "a", x="1")
    made.create()
    assert made.exists()
    made.patch({"data": {"y": "2"}})
    assert dict(made.data) == {"x": "1", "y": "2"}
    made.label({"tier": "low"})
    made.annotate({"note": "yes"})
    again = ConfigMap.get("a", namespace=api.namespace, api=api)
    assert again.labels["tier"] == "low"
    assert again.annotations["note"] == "yes"
    assert [found.name for found in api.get("configmaps", label_selector={"made": "here"})] == ["a"]
    made.delete()
    made.wait("delete", timeout=10)
    assert not made.exists()
    with pytest.raises(kr8s.NotFoundError):
        ConfigMap.get("a", namespace=api.namespace, api=api, timeout=1)


def test_watch(api: Any) -> None:
    configmap(api, "a").create()
    seen = []
    for kind, found in api.watch("configmaps", namespace=api.namespace, label_selector="made=here"):
        seen.append((kind, found.name))
        if len(seen) == 1:
            configmap(api, "b").create()
        elif len(seen) == 2:
            break
    assert seen == [("ADDED", "a"), ("ADDED", "b")]


def test_a_pod_is_waited_for_read_and_entered(api: Any) -> None:
    spec = {"terminationGracePeriodSeconds": 1, "containers": [{"name": "main", "image": "busybox", "command": LOOP}]}
    pod = Pod({"metadata": {"name": "web", "namespace": api.namespace}, "spec": spec}, api=api)
    pod.create()
    pod.wait("condition=Ready", timeout=30)
    assert pod.ready()
    assert next(iter(pod.logs(follow=True))) == "started"
    done = pod.exec(["sh", "-c", "echo hi; echo bad >&2"])
    assert (done.stdout, done.stderr, done.returncode) == (b"hi\n", b"bad\n", 0)
    pod.delete()
    pod.wait("delete", timeout=20)


def test_a_port_of_a_pod_is_forwarded(api: Any) -> None:
    command = [
        "sh",
        "-c",
        "trap 'exit 0' TERM; mkdir /w; echo page >/w/index.html; httpd -p 8080 -h /w; sleep 60 & wait",
    ]
    spec = {
        "terminationGracePeriodSeconds": 1,
        "containers": [{"name": "main", "image": "busybox", "command": command}],
    }
    pod = Pod({"metadata": {"name": "web", "namespace": api.namespace}, "spec": spec}, api=api)
    pod.create()
    pod.wait("condition=Ready", timeout=30)
    while pod.exec(["sh", "-c", "netstat -ltn | grep -q 8080"], check=False).returncode:
        pass
    import httpx

    with pod.portforward(remote_port=8080, local_port="auto") as port:
        assert httpx.get(f"http://127.0.0.1:{port}", trust_env=False).text == "page\n"
    pod.delete()


def test_a_deployment_is_ready_scaled_and_has_its_pods(api: Any) -> None:
    labels = {"app": "web"}
    template = {
        "metadata": {"labels": labels},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "containers": [{"name": "main", "image": "busybox", "command": LOOP, "ports": [{"containerPort": 80}]}],
        },
    }
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    web = Deployment({"metadata": {"name": "web", "namespace": api.namespace}, "spec": spec}, api=api)
    web.create()
    web.wait("condition=Available", timeout=30)
    web.scale(2)
    assert web.replicas == 2
    web.wait("jsonpath='{.status.readyReplicas}'=2", timeout=30)
    assert len(list(web.pods())) == 2
    service = Service(
        {
            "metadata": {"name": "web", "namespace": api.namespace},
            "spec": {"selector": labels, "ports": [{"port": 80}]},
        },
        api=api,
    )
    service.create()
    assert len(list(service.ready_pods())) == 2
    web.delete(propagation_policy="Foreground")


def test_manifests_and_unknown_kinds(api: Any, tmp_path: Any) -> None:
    file = tmp_path / "all.yaml"
    file.write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n---\n"
        "apiVersion: v1\nkind: Secret\nmetadata: {name: two}\nstringData: {k: v}\n"
    )
    for found in objects_from_files(str(file), api=api):
        found.create()
    assert {found.kind for found in [*api.get("cm", "one"), *api.get("secrets", "two")]} == {"ConfigMap", "Secret"}
    with pytest.raises(ValueError, match="nonsense"):
        list(api.get("nonsense"))


def test_what_the_server_is(api: Any) -> None:
    assert api.version()["gitVersion"].startswith("v1.")
    assert api.whoami()
    assert {"pods", "deployments", "events"} <= {row["name"] for row in api.api_resources()}
