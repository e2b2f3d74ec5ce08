"""Every manifest in ``manifests/`` does what it says, on a real daemon, through the real kubectl."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.cluster import PROJECT, Cluster

pytestmark = pytest.mark.timeout(600)  # the first run fetches packages and builds the images

MANIFESTS = PROJECT / "manifests"
EXAMPLES = sorted((MANIFESTS / "examples").glob("*.yaml"))
FETCH = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())"


@pytest.fixture
def cluster(recipes: Cluster) -> Cluster:
    return recipes


def fetch(cluster: Cluster, url: str) -> str:
    return cluster.run(["python3", "-c", FETCH, url]).stdout.strip()


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_example(cluster: Cluster, file: Path) -> None:
    """Each example's readiness probes check what it is about: ready means it works."""
    cluster.kubectl("apply", "-f", str(file))
    try:
        for kind in ("deployments", "pods"):
            label = f"example={file.stem}"
            if cluster.json("get", kind, "-l", label)["items"]:
                condition = "Available" if kind == "deployments" else "Ready"
                cluster.kubectl("wait", kind, "-l", label, f"--for=condition={condition}", "--timeout=60s")
        if file.stem == "node-port":
            node = cluster.json("get", "nodes")["items"][0]["status"]["addresses"][0]["address"]
            pods = {
                pod["metadata"]["name"] for pod in cluster.json("get", "pods", "-l", f"example={file.stem}")["items"]
            }
            answers = {fetch(cluster, f"http://{node}:30081/") for _ in range(10)}
            assert len(answers) == 1  # session affinity
            assert answers < pods
        if file.stem == "sidecar":
            cluster.eventually(
                lambda: "tick" in cluster.kubectl("logs", "sidecar", "-c", "log").stdout, what="the sidecar's log"
            )
    finally:
        cluster.kubectl("delete", "-f", str(file), "--timeout=30s")
    cluster.kubectl("wait", "pods", "-l", f"example={file.stem}", "--for=delete", "--timeout=30s")


def test_guestbook(cluster: Cluster) -> None:
    folder = MANIFESTS / "guestbook"
    cluster.kubectl("apply", "-f", str(folder))
    for name in ("redis", "web", "frontend"):
        cluster.kubectl("rollout", "status", f"deployment/{name}", "--timeout=60s")
    address = cluster.json("get", "service", "frontend")["spec"]["clusterIP"]

    answers = [json.loads(fetch(cluster, f"http://{address}/")) for _ in range(30)]
    assert [answer["hits"] for answer in answers] == list(range(1, 31))
    assert len({answer["pod"] for answer in answers}) == 3
    assert {(answer["version"], answer["greeting"]) for answer in answers} == {("v1", "Hello from the guestbook")}

    cluster.kubectl("apply", "-f", str(folder / "v2"))
    cluster.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    assert json.loads(fetch(cluster, f"http://{address}/"))["version"] == "v2"
    cluster.kubectl("delete", "-f", str(folder), "--timeout=60s")
