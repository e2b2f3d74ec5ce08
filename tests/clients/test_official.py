"""The official Python client, ``kubernetes``."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client, config, dynamic, stream, utils, watch
from kubernetes.client.exceptions import ApiException
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.configmaplock import ConfigMapLock

from tests.clients.conftest import Place

LOOP = ["sh", "-c", "trap 'exit 0' TERM; echo started; while true; do sleep 0.05; done"]


@pytest.fixture
def api(place: Place) -> Iterator[client.ApiClient]:
    made = config.new_client_from_config(str(place.kubeconfig))
    with made:
        yield made


@pytest.fixture
def core(api: client.ApiClient) -> client.CoreV1Api:
    return client.CoreV1Api(api)


def configmap(name: str, **data: str) -> client.V1ConfigMap:
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels={"made": "here"}), data=data)


def pod(name: str, command: list[str]) -> client.V1Pod:
    container = client.V1Container(
        name="main", image="busybox", command=command, resources=client.V1ResourceRequirements(requests={"cpu": "1m"})
    )
    spec = client.V1PodSpec(containers=[container], restart_policy="Never", termination_grace_period_seconds=2)
    return client.V1Pod(metadata=client.V1ObjectMeta(name=name), spec=spec)


def deployment(name: str, replicas: int) -> client.V1Deployment:
    labels = {"app": name}
    container = client.V1Container(name="main", image="busybox", command=LOOP)
    template = client.V1PodTemplateSpec(
        metadata=client.V1ObjectMeta(labels=labels),
        spec=client.V1PodSpec(containers=[container], termination_grace_period_seconds=1),
    )
    return client.V1Deployment(
        metadata=client.V1ObjectMeta(name=name),
        spec=client.V1DeploymentSpec(
            replicas=replicas, selector=client.V1LabelSelector(match_labels=labels), template=template
        ),
    )


def test_create_read_replace_delete(core: client.CoreV1Api, place: Place) -> None:
    made = core.create_namespaced_config_map(place.name, configmap("a", x="1"), field_validation="Strict")
    assert made.metadata.creation_timestamp is not None
    made.data["x"] = "2"
    assert core.replace_namespaced_config_map("a", place.name, made).data == {"x": "2"}
    with pytest.raises(ApiException) as stale:
        core.replace_namespaced_config_map("a", place.name, made)
    assert (stale.value.status, stale.value.reason) == (409, "Conflict")
    with pytest.raises(ApiException) as twice:
        core.create_namespaced_config_map(place.name, configmap("a"))
    assert twice.value.status == 409
    core.delete_namespaced_config_map("a", place.name, dry_run="All")
    wrong = client.V1DeleteOptions(preconditions=client.V1Preconditions(uid="other"))
    with pytest.raises(ApiException) as precondition:
        core.delete_namespaced_config_map("a", place.name, body=wrong)
    assert precondition.value.status == 409
    status = core.delete_namespaced_config_map("a", place.name, body=client.V1DeleteOptions())
    assert "Success" in str(status)
    assert made.metadata.uid in str(status)
    with pytest.raises(ApiException) as gone:
        core.read_namespaced_config_map("a", place.name)
    assert gone.value.status == 404


def test_every_patch_type(core: client.CoreV1Api, place: Place) -> None:
    core.create_namespaced_config_map(place.name, configmap("a", x="1", y="1"))
    merged = core.patch_namespaced_config_map("a", place.name, {"data": {"x": None, "z": "1"}})
    assert merged.data == {"y": "1", "z": "1"}
    operations = [{"op": "replace", "path": "/data/y", "value": "2"}]
    assert core.patch_namespaced_config_map("a", place.name, operations).data == {"y": "2", "z": "1"}
    applied = core.patch_namespaced_config_map(
        "a",
        place.name,
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"q": "3"}},
        field_manager="tests",
        force=True,
        _content_type="application/apply-patch+yaml",
    )
    assert applied.data == {"y": "2", "z": "1", "q": "3"}
    assert "tests" in {entry.manager for entry in applied.metadata.managed_fields}
    strategic = core.patch_namespaced_config_map(
        "a",
        place.name,
        {"data": {"$patch": "replace", "n": "1"}},
        _content_type="application/strategic-merge-patch+json",
    )
    assert strategic.data == {"n": "1"}


def test_lists_in_pages_and_collections_deleted(core: client.CoreV1Api, place: Place) -> None:
    for number in range(7):
        core.create_namespaced_config_map(place.name, configmap(f"c{number}"))
    found: list[str] = []
    token: str | None = None
    while token != "":
        page = core.list_namespaced_config_map(place.name, label_selector="made=here", limit=3, _continue=token or "")
        found += [item.metadata.name for item in page.items]
        token = page.metadata._continue or ""
    assert found == [f"c{number}" for number in range(7)]
    core.delete_collection_namespaced_config_map(place.name, field_selector="metadata.name!=c3", label_selector="made")
    left = core.list_namespaced_config_map(place.name, label_selector="made=here")
    assert [item.metadata.name for item in left.items] == ["c3"]


def test_watch_from_a_list(core: client.CoreV1Api, place: Place) -> None:
    first = core.list_namespaced_config_map(place.name)
    watcher = watch.Watch()
    seen: list[tuple[str, str]] = []
    changes = watcher.stream(
        core.list_namespaced_config_map,
        place.name,
        resource_version=first.metadata.resource_version,
        label_selector="made=here",
        timeout_seconds=20,
    )
    core.create_namespaced_config_map(place.name, configmap("a", x="1"))
    core.patch_namespaced_config_map("a", place.name, {"data": {"x": "2"}})
    core.delete_namespaced_config_map("a", place.name)
    for change in changes:
        seen.append((change["type"], change["object"].metadata.name))
        if change["type"] == "DELETED":
            watcher.stop()
    assert seen == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]


def test_a_watch_from_the_dim_past_is_told_so(core: client.CoreV1Api, place: Place) -> None:
    with pytest.raises(ApiException) as expired:
        for _ in watch.Watch().stream(
            core.list_namespaced_config_map, place.name, resource_version="999999999", timeout_seconds=1
        ):
            pass
    assert expired.value.status == 504


def test_pod_logs_exec_and_end(core: client.CoreV1Api, place: Place) -> None:
    core.create_namespaced_pod(place.name, pod("web", LOOP))
    watcher = watch.Watch()
    for change in watcher.stream(core.list_namespaced_pod, place.name, timeout_seconds=30):
        conditions = change["object"].status.conditions or []
        if any(condition.type == "Ready" and condition.status == "True" for condition in conditions):
            watcher.stop()
    logs = watch.Watch()
    for line in logs.stream(core.read_namespaced_pod_log, "web", place.name, follow=True):
        assert line == "started"
        logs.stop()
    assert core.read_namespaced_pod_log("web", place.name, tail_lines=1) == "started\n"
    out = stream.stream(
        core.connect_get_namespaced_pod_exec, "web", place.name, command=["echo", "hi"], stdout=True, stderr=True
    )
    assert out == "hi\n"
    talk = stream.stream(
        core.connect_get_namespaced_pod_exec,
        "web",
        place.name,
        command=["sh", "-c", "read line; echo got $line; echo bad >&2; exit 3"],
        stdin=True,
        stdout=True,
        stderr=True,
        _preload_content=False,
    )
    talk.write_stdin("word\n")
    talk.run_forever(timeout=20)
    assert (talk.read_stdout(), talk.read_stderr(), talk.returncode) == ("got word\n", "bad\n", 3)
    core.delete_namespaced_pod("web", place.name)
    watcher = watch.Watch()
    listed = core.list_namespaced_pod(place.name)
    if listed.items:
        for change in watcher.stream(
            core.list_namespaced_pod, place.name, resource_version=listed.metadata.resource_version, timeout_seconds=20
        ):
            if change["type"] == "DELETED":
                watcher.stop()
    assert core.list_namespaced_pod(place.name).items == []


def test_a_deployment_becomes_available_and_scales(api: client.ApiClient, place: Place) -> None:
    apps = client.AppsV1Api(api)
    apps.create_namespaced_deployment(place.name, deployment("web", 2))

    def available(count: int) -> None:
        watcher = watch.Watch()
        for change in watcher.stream(apps.list_namespaced_deployment, place.name, timeout_seconds=30):
            if (change["object"].status.available_replicas or 0) == count:
                watcher.stop()
                return
        raise AssertionError(f"not {count} available")

    available(2)
    scale = apps.read_namespaced_deployment_scale("web", place.name)
    scale.spec.replicas = 3
    apps.replace_namespaced_deployment_scale("web", place.name, scale)
    available(3)
    apps.patch_namespaced_deployment_scale("web", place.name, {"spec": {"replicas": 1}})
    available(1)
    status = apps.read_namespaced_deployment_status("web", place.name)
    assert status.status.replicas == 1
    apps.delete_namespaced_deployment("web", place.name, propagation_policy="Foreground")


def test_the_dynamic_client_finds_kinds_by_discovery(api: client.ApiClient, place: Place) -> None:
    found = dynamic.DynamicClient(api)
    services = found.resources.get(api_version="v1", kind="Service")
    body = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"ports": [{"port": 80, "targetPort": 8080}], "selector": {"app": "web"}},
    }
    made = services.create(body=body, namespace=place.name)
    assert made.spec.clusterIP.startswith("10.96.")
    applied = services.server_side_apply(
        namespace=place.name,
        name="web",
        body={**body, "spec": {"ports": [{"port": 80, "name": "http"}]}},
        field_manager="dynamic",
        force_conflicts=True,
    )
    assert applied.spec.ports[0].name == "http"
    assert [item.metadata.name for item in services.get(namespace=place.name).items] == ["web"]
    services.delete(name="web", namespace=place.name)


def test_objects_from_manifests(api: client.ApiClient, core: client.CoreV1Api, place: Place) -> None:
    documents: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "two"}, "stringData": {"key": "value"}},
    ]
    for document in documents:
        utils.create_from_dict(api, document, namespace=place.name)
    assert core.read_namespaced_secret("two", place.name).data == {"key": "dmFsdWU="}


def test_leader_election(api: client.ApiClient, place: Place) -> None:
    client.Configuration.set_default(api.configuration)
    led = threading.Event()
    lock = ConfigMapLock("lock", place.name, "me")
    elected = electionconfig.Config(lock, 4, 3, 1, onstarted_leading=led.set, onstopped_leading=lambda: None)
    threading.Thread(target=leaderelection.LeaderElection(elected).run, daemon=True).start()
    try:
        assert led.wait(20)
    finally:
        client.Configuration.set_default(None)


def test_what_the_server_is_and_serves(api: client.ApiClient) -> None:
    assert client.VersionApi(api).get_code().git_version.startswith("v1.")
    groups = {group.name for group in client.ApisApi(api).get_api_versions().groups}
    assert {"apps", "discovery.k8s.io", "events.k8s.io"} <= groups
    nodes = client.CoreV1Api(api).list_node().items
    assert nodes[0].status.node_info.kubelet_version
    review = client.AuthorizationV1Api(api).create_self_subject_access_review(
        client.V1SelfSubjectAccessReview(
            spec=client.V1SelfSubjectAccessReviewSpec(
                resource_attributes=client.V1ResourceAttributes(verb="get", resource="pods")
            )
        )
    )
    assert review.status.allowed
