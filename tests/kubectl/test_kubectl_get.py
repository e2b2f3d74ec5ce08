"""kubectl get in all its forms, describe, watch and wait."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.kubectl.conftest import Space
from tests.kubectl.manifests import config, deployment, pod, service


@pytest.fixture
def filled(space: Space) -> Space:
    space.out("apply", "-f", "-", input=f"{deployment()}---{service()}---{config(color='red')}---{pod()}")
    space.out("rollout", "status", "deployment/web", "--timeout=60s")
    space.out("wait", "--for=condition=Ready", "pod/one", "--timeout=60s")
    return space


def test_tables(filled: Space) -> None:
    lines = filled.out("get", "deployments").splitlines()
    assert lines[0].split() == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert lines[1].split()[:4] == ["web", "3/3", "3", "3"]
    lines = filled.out("get", "pods").splitlines()
    assert lines[0].split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert len(lines) == 5
    assert filled.out("get", "pod", "one", "--no-headers").split()[:4] == ["one", "1/1", "Running", "0"]
    assert filled.out("get", "svc").splitlines()[0].split()[:3] == ["NAME", "TYPE", "CLUSTER-IP"]
    assert filled.out("get", "cm", "settings", "--no-headers").split()[:2] == ["settings", "1"]
    assert filled.out("get", "rs").splitlines()[0].split() == ["NAME", "DESIRED", "CURRENT", "READY", "AGE"]


def test_wide_tables(filled: Space) -> None:
    head = filled.out("get", "pods", "-o", "wide").splitlines()[0].split()
    assert head[:8] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE", "NOMINATED"]
    head = filled.out("get", "deploy", "-o", "wide").splitlines()[0].split()
    assert head[-3:] == ["CONTAINERS", "IMAGES", "SELECTOR"]
    nodes = filled.cluster.out("get", "nodes", "-o", "wide")
    assert "INTERNAL-IP" in nodes
    assert "Ready" in nodes


def test_every_kind_has_a_table(filled: Space) -> None:
    kinds = filled.cluster.out("api-resources", "--verbs=list", "-o", "name").split()
    assert {"pods", "deployments.apps", "endpointslices.discovery.k8s.io"} <= set(kinds)
    for kind in kinds:
        assert "error" not in filled.kubectl("get", kind, "-o", "wide").stderr.lower()


def test_other_outputs(filled: Space) -> None:
    assert filled.out("get", "deploy", "web", "-o", "name") == "deployment.apps/web\n"
    whole = json.loads(filled.out("get", "deploy", "web", "-o", "json"))
    assert (whole["apiVersion"], whole["kind"], whole["spec"]["replicas"]) == ("apps/v1", "Deployment", 3)
    text = yaml.safe_load(filled.out("get", "svc,cm", "-o", "yaml"))
    assert text["kind"] == "List"
    assert {"web", "settings"} <= {item["metadata"]["name"] for item in text["items"]}
    assert filled.out("get", "cm", "settings", "-o", "jsonpath={.data.color}") == "red"
    assert filled.out("get", "cm", "settings", "-o", "go-template={{.data.color}}") == "red"
    columns = filled.out("get", "pods", "-o", "custom-columns=POD:.metadata.name,IMAGE:.spec.containers[0].image")
    assert columns.splitlines()[0].split() == ["POD", "IMAGE"]


def test_selectors(filled: Space) -> None:
    assert len(filled.out("get", "pods", "-l", "app=web", "-o", "name").split()) == 3
    assert len(filled.out("get", "pods", "-l", "app!=web", "-o", "name").split()) == 1
    assert len(filled.out("get", "pods", "-l", "app in (web,one)", "-o", "name").split()) == 4
    assert filled.out("get", "pods", "--field-selector", "metadata.name=one", "-o", "name") == "pod/one\n"
    assert len(filled.out("get", "pods", "--field-selector", "status.phase=Running", "-o", "name").split()) == 4
    assert filled.out("get", "pods", "--field-selector", "spec.nodeName=elsewhere", "-o", "name") == ""
    assert "field label not supported" in filled.fails("get", "pods", "--field-selector", "spec.color=red")


def test_labels_and_order(filled: Space) -> None:
    assert "app=web,tier=front" in filled.out("get", "deploy", "--show-labels")
    assert filled.out("get", "deploy", "-L", "tier").splitlines()[0].split()[-1] == "TIER"
    names = filled.out("get", "pods", "--sort-by=.metadata.name", "-o", "name").split()
    assert names == sorted(names)
    names = filled.out("get", "pods", "--sort-by=.metadata.creationTimestamp").splitlines()
    assert len(names) == 5


def test_all_namespaces(filled: Space) -> None:
    everything = filled.cluster.out("get", "pods", "-A")
    assert everything.splitlines()[0].split()[0] == "NAMESPACE"
    assert filled.name in everything
    assert "deployment.apps/web" in filled.out("get", "all")


def test_chunks(filled: Space) -> None:
    assert len(filled.out("get", "pods", "--chunk-size=1", "-o", "name").split()) == 4


def test_not_found(space: Space) -> None:
    assert "No resources found" in space.kubectl("get", "deployments").stderr
    assert 'deployments.apps "nothing" not found' in space.fails("get", "deployment", "nothing")
    assert "doesn't have a resource type" in space.fails("get", "unicorns")


def test_watch_shows_changes_as_they_come(space: Space) -> None:
    space.out("apply", "-f", "-", input=config(color="red"))
    with space.cluster.following(
        "get", "cm", "settings", "-w", "-o", "jsonpath={.data.color}{'\\n'}", namespace=space.name
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "red\n"
        space.out("apply", "-f", "-", input=config(color="blue"))
        assert process.stdout.readline() == "blue\n"


def test_watch_of_a_table(space: Space) -> None:
    space.out("apply", "-f", "-", input=config("first", a="1"))
    with space.cluster.following("get", "cm", "-w", "--output-watch-events", namespace=space.name) as process:
        assert process.stdout is not None

        def until(name: str) -> list[str]:
            assert process.stdout is not None
            while (words := process.stdout.readline().split())[1] != name:
                pass
            return words

        assert process.stdout.readline().split() == ["EVENT", "NAME", "DATA", "AGE"]
        assert until("first")[:3] == ["ADDED", "first", "1"]
        space.out("apply", "-f", "-", input=config("second", a="1", b="2"))
        assert until("second")[:3] == ["ADDED", "second", "2"]
        space.out("delete", "cm", "second")
        assert until("second")[:2] == ["DELETED", "second"]


def test_wait(space: Space) -> None:
    space.out("apply", "-f", "-", input=deployment(replicas=1))
    space.out("wait", "--for=condition=Available", "deployment/web", "--timeout=60s")
    space.out("wait", "--for=jsonpath={.status.readyReplicas}=1", "deployment/web", "--timeout=60s")
    space.out("delete", "deployment", "web", "--wait=false")
    space.out("wait", "--for=delete", "deployment/web", "--timeout=60s")
    space.out("wait", "--for=delete", "pod", "-l", "app=web", "--timeout=60s")
    assert "timed out" in space.fails("wait", "--for=condition=Never", f"namespace/{space.name}", "--timeout=1s")


def test_describe(filled: Space) -> None:
    text = filled.out("describe", "deployment", "web")
    assert "Replicas:" in text
    assert "3 desired | 3 updated | 3 total | 3 available | 0 unavailable" in text
    assert "ScalingReplicaSet" in text
    text = filled.out("describe", "pod", "one")
    assert "Status:" in text
    assert "Running" in text
    assert "QoS Class:" in text
    text = filled.out("describe", "service", "web")
    assert "Endpoints:" in text
    assert "8080" in text
    assert "color" in filled.out("describe", "configmap", "settings")
    assert "Controlled By:  Deployment/web" in filled.out("describe", "rs", "-l", "app=web")
    text = filled.cluster.out("describe", "node")
    assert "Capacity:" in text
    assert "Non-terminated Pods:" in text
    assert "Status:" in filled.cluster.out("describe", "namespace", filled.name)


def test_describe_works_for_every_kind(filled: Space) -> None:
    for kind in filled.cluster.out("api-resources", "--verbs=list,get", "-o", "name").split():
        answer = filled.kubectl("describe", kind)
        assert "error" not in answer.stderr.lower(), f"{kind}: {answer.stderr}"


def test_events(filled: Space) -> None:
    text = filled.out("events")
    assert "ScalingReplicaSet" in text
    assert "SuccessfulCreate" in filled.out("get", "events", "--sort-by=.lastTimestamp")
    assert "ScalingReplicaSet" in filled.out("events", "--for", "deployment/web")
