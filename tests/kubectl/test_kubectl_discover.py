"""What the cluster says about itself: resources, versions, explanations, access."""

from __future__ import annotations

import json

from tests.kubectl.cluster import Cluster


def test_version(cluster: Cluster) -> None:
    versions = json.loads(cluster.out("version", "-o", "json"))
    assert versions["serverVersion"]["gitVersion"].startswith("v1.33.")


def test_cluster_info(cluster: Cluster) -> None:
    assert "is running at" in cluster.out("cluster-info")
    assert cluster.out("get", "--raw", "/readyz") in ("ok", "ok\n")
    assert cluster.out("get", "--raw", "/livez").startswith("ok")
    assert "ok" in cluster.out("get", "--raw", "/healthz?verbose")


def test_api_resources(cluster: Cluster) -> None:
    rows = {line.split()[0]: line for line in cluster.out("api-resources", "--no-headers").splitlines()}
    assert rows["deployments"].split()[1:] == ["deploy", "apps/v1", "true", "Deployment"]
    assert rows["nodes"].split()[1:] == ["no", "v1", "false", "Node"]
    names = cluster.out("api-resources", "--namespaced=false", "-o", "name").split()
    assert "namespaces" in names
    assert "pods" not in names
    assert "create,delete" in cluster.out("api-resources", "-o", "wide")
    assert "pods" in cluster.out("api-resources", "--categories=all", "-o", "name")


def test_api_versions(cluster: Cluster) -> None:
    assert {"v1", "apps/v1", "discovery.k8s.io/v1"} <= set(cluster.out("api-versions").split())


def test_explain(cluster: Cluster) -> None:
    text = cluster.out("explain", "deployment.spec.strategy.rollingUpdate")
    assert "GROUP:      apps" in text
    assert "maxSurge\t<IntOrString>" in text
    text = cluster.out("explain", "pod.spec.containers")
    assert "name\t<string> -required-" in text
    assert "FIELD: containers <[]Container>" in text
    assert "limits\t<map[string]Quantity>" in cluster.out("explain", "pod.spec.containers.resources")
    assert 'field "colour" does not exist' in cluster.fails("explain", "pod.spec.colour")


def test_explain_recursively_every_kind(cluster: Cluster) -> None:
    for kind in cluster.out("api-resources", "--verbs=list", "-o", "name").split():
        # kubectl takes "events.events.k8s.io" for a field of core Events, on every cluster.
        newer = ["events", "--api-version=events.k8s.io/v1"]
        text = cluster.out("explain", "--recursive", *(newer if kind == "events.events.k8s.io" else [kind]))
        assert "FIELDS:" in text
        assert "metadata" in text


def test_access(cluster: Cluster) -> None:
    assert cluster.out("auth", "can-i", "create", "pods").strip() == "yes"
    assert cluster.out("auth", "can-i", "*", "*").strip() == "yes"
    assert "Username" in cluster.out("auth", "whoami")


def test_raw_shapes(cluster: Cluster) -> None:
    assert json.loads(cluster.out("get", "--raw", "/api/v1/namespaces"))["kind"] == "NamespaceList"
    assert json.loads(cluster.out("get", "--raw", "/openapi/v2"))["swagger"] == "2.0"
    answer = cluster.kubectl("get", "--raw", "/apis/nothing/v1", check=False)
    assert "could not find the requested resource" in answer.stderr
