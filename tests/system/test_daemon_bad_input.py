"""Whatever people type: a precise answer or Event, nothing half applied, and a daemon that goes on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.cluster import Cluster
from tests.support.space import LIMIT, Api, Object, Refused, Space, main, status_of, waits_for


@pytest.fixture(autouse=True)
def same_daemon(daemon: Cluster) -> Iterator[None]:
    pid = daemon.daemon_pid()
    yield
    assert daemon.daemon_pid() == pid
    Api(daemon.root / "run" / "api.sock").call("GET", "/readyz")
    daemon.check_log()


def pod(name: object = "one", *, labels: Any = None, **spec: Any) -> Object:
    meta = {"name": name, "labels": labels or {"app": "one"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": [main()], **spec}}


def deployment(**spec: Any) -> Object:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [main()]}}
    given = {"selector": {"matchLabels": {"app": "web"}}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": given}


def service(**spec: Any) -> Object:
    given = {"selector": {"app": "one"}, "ports": [{"port": 80}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "one"}, "spec": given}


WRONG: dict[str, tuple[Any, str]] = {
    "mapping value": ("apiVersion: v1\nkind: Pod\nmetadata: {name: one\nspec: []\n", "bad.yaml"),
    "tab": ("apiVersion: v1\nkind: Pod\nmetadata:\n\tname: one\n", "line 4, column 1"),
    "a list": ("- a\n- b\n", "bad.yaml"),
    "no kind": ({"apiVersion": "v1", "metadata": {"name": "one"}}, "kind"),
    "unknown kind": ({**pod(), "kind": "Bod"}, "Bod"),
    "unknown version": ({**pod(), "apiVersion": "v7"}, "v7"),
    "unknown field": (pod(nonsense=1), "spec.nonsense"),
    "unknown field in a list": (pod(containers=[{**main(), "imagee": "x"}]), "spec.containers[0].imagee"),
    "wrong type": (pod(containers="none"), "spec.containers"),
    "wrong number": (deployment(replicas="three"), "spec.replicas"),
    "wrong name": (pod("Not_Good"), "Not_Good"),
    "name is a number": (pod(7), "metadata.name"),
    "long name": (pod("a" * 300), "metadata.name"),
    "wrong label": (pod(labels={"app": "with space"}), "with space"),
    "wrong label key": (pod(labels={"a b": "c"}), "a b"),
    "no containers": (pod(containers=[]), "spec.containers"),
    "same container twice": (pod(containers=[main(), main()]), "spec.containers[1].name"),
    "no image": (pod(containers=[{"name": "main"}]), "spec.containers[0].image"),
    "wrong quantity": (pod(containers=[main(resources={"limits": {"memory": "64MB!"}})]), "64MB!"),
    "volume nobody has": (
        pod(containers=[main(volumeMounts=[{"name": "x", "mountPath": "/x"}])]),
        "volumeMounts[0].name",
    ),
    "wrong restart policy": (pod(restartPolicy="Sometimes"), "Sometimes"),
    "wrong probe": (pod(containers=[main(livenessProbe={"periodSeconds": 1})]), "livenessProbe"),
    "selector does not match": (deployment(selector={"matchLabels": {"app": "other"}}), "selector"),
    "no selector": (deployment(selector=None), "spec.selector"),
    "negative replicas": (deployment(replicas=-1), "spec.replicas"),
    "surge and unavailable zero": (
        deployment(strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}),
        "maxUnavailable",
    ),
    "no ports": (service(ports=[]), "spec.ports"),
    "same port twice": (service(ports=[{"name": "a", "port": 80}, {"name": "b", "port": 80}]), "spec.ports[1]"),
    "ports without names": (service(ports=[{"port": 80}, {"port": 81}]), "spec.ports[0].name"),
    "port too large": (service(ports=[{"port": 70000}]), "spec.ports[0].port"),
    "node port out of range": (service(type="NodePort", ports=[{"port": 80, "nodePort": 80}]), "30000-32767"),
    "wrong address": (service(clusterIP="1.2.3.4"), "1.2.3.4"),
    "namespace nobody has": ({**pod(), "metadata": {"name": "one", "namespace": "nowhere"}}, "nowhere"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_manifests(here: Space, tmp_path: Path, name: str) -> None:
    """kubectl and nsorch say where it is wrong, and nothing of the file is applied."""
    manifest, wanted = WRONG[name]
    text = manifest if isinstance(manifest, str) else yaml.safe_dump(manifest)
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    done = here.cluster.nsorch("apply", "-n", here.name, "-f", str(file), check=False)
    assert done.returncode == 1, done.stdout
    assert wanted in done.stderr
    assert "Traceback" not in done.stderr
    assert "mistake of nsorch" not in done.stderr
    for plural in ("pods", "deployments", "services"):
        assert here.list(plural) == []
    if not isinstance(manifest, str) and name not in ("no kind", "unknown kind", "unknown version"):
        done = here.kubectl("apply", "-f", str(file), check=False)
        assert done.returncode == 1
        assert "Internal error" not in done.stderr


def test_the_same_node_port_twice(here: Space) -> None:
    first = here.create("services", service(type="NodePort"))
    port = first["spec"]["ports"][0]["nodePort"]
    second = service(type="NodePort", ports=[{"port": 80, "nodePort": port}])
    second["metadata"]["name"] = "two"
    with pytest.raises(Refused, match="already allocated") as refused:
        here.create("services", second)
    assert refused.value.code == 422


@pytest.mark.parametrize(
    "body", [b"", b"{", b"null", b"[]", b'"x"', b"\xff\xfe", b"{}", b'{"kind": 3}', b"[" * 100_000]
)
def test_bodies_that_are_no_objects(here: Space, body: bytes) -> None:
    with pytest.raises(Refused) as refused:
        here.api.call("POST", here.path("pods"), body)
    assert refused.value.code in (400, 422)
    assert refused.value.status["kind"] == "Status"


def test_a_body_that_is_too_long(here: Space) -> None:
    body = b'{"metadata": {"name": "big"}, "data": {"a": "' + b"x" * (3 * 1024 * 1024) + b'"}}'
    with pytest.raises(Refused) as refused:
        here.api.call("POST", here.path("configmaps"), body)
    assert refused.value.code == 413
    assert refused.value.status["reason"] == "RequestEntityTooLarge"


def test_a_manifest_of_ten_thousand_lines(here: Space, tmp_path: Path) -> None:
    parts = []
    for number in range(250):
        data = "".join(f"  key-{line}: value {line}\n" for line in range(36))
        parts.append(f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{number}}}\ndata:\n{data}")
    text = "---\n".join(parts)
    assert text.count("\n") >= 10_000
    file = tmp_path / "long.yaml"
    file.write_text(text)
    assert here.cluster.nsorch("apply", "-n", here.name, "-f", str(file)).stdout.count("created") == 250
    file.write_text(text + "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c0}\ndata: [1]\n")
    done = here.cluster.nsorch("apply", "-n", here.name, "-f", str(file), check=False)
    assert done.returncode == 1
    assert "long.yaml" in done.stderr
    assert "data" in done.stderr


def test_things_that_are_missing(here: Space) -> None:
    """Each is a reason in the status and an Event that name what is missing; the rest goes on."""

    def env(kind: str) -> list[Object]:
        return [{"name": "A", "valueFrom": {kind: {"name": "missing", "key": "a"}}}]

    volume = [{"name": "v", "configMap": {"name": "missing"}}]
    here.pod("map", {"env": env("configMapKeyRef")})
    here.pod("secret", {"env": env("secretKeyRef")})
    here.pod("volume", {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}, volumes=volume)
    here.pod("image", {"image": "missing:1"})
    here.pod("never", {"image": "missing:1", "imagePullPolicy": "Never"})
    here.pod("name", {"image": "Not//Good"})
    here.pod("command", {"command": ["/missing"]})
    here.pod("folder", {"workingDir": "/etc/passwd"})
    here.pod("exits", {"command": ["true"]})
    wanted = {
        "map": (("CreateContainerConfigError",), "missing", "Failed"),
        "secret": (("CreateContainerConfigError",), "missing", "Failed"),
        "volume": (("ContainerCreating",), "", "FailedMount"),
        "image": (("ErrImagePull", "ImagePullBackOff"), "nsorch image", "Failed"),
        "never": (("ErrImageNeverPull",), "Never", "ErrImageNeverPull"),
        "name": (("InvalidImageName",), "Not//Good", "InspectFailed"),
        "command": (("RunContainerError", "CreateContainerError", "CrashLoopBackOff"), "", "Failed"),
        "folder": (("RunContainerError", "CreateContainerError", "CrashLoopBackOff"), "", "Failed"),
        "exits": (("CrashLoopBackOff",), "back-off", "BackOff"),
    }
    for name, (reasons, text, event) in wanted.items():
        found = here.when(name, lambda item, reasons=reasons: waits_for(item, *reasons), what=f"{name}: {reasons}")
        assert text in status_of(found)["state"]["waiting"].get("message", ""), name
        message = here.event(name, event)
        if name in ("map", "secret", "volume"):
            assert "missing" in message
        if name == "command":
            assert "/missing" in message
    here.create("configmaps", {"metadata": {"name": "missing"}, "data": {"a": "b"}})
    here.create("secrets", {"metadata": {"name": "missing"}, "stringData": {"a": "b"}})
    for name in ("map", "secret", "volume"):
        here.ready(name)


def test_the_command_line_without_a_daemon(daemon: Cluster, tmp_path: Path) -> None:
    for words in (
        ["get", "pods"],
        ["apply", "-f", "-"],
        ["status"],
        ["image", "ls"],
        ["logs", "x"],
        ["exec", "x", "--", "y"],
    ):
        root = tmp_path / "nothing"
        done = daemon.run(
            [*NSORCH, "--root", str(root), *words],
            check=False,
            input="apiVersion: v1\nkind: Namespace\nmetadata: {name: x}",
        )
        assert done.returncode != 0, words
        lines = done.stderr.strip().splitlines()
        assert len(lines) == 1, done.stderr
        assert "nsorch up" in lines[0]
        assert not root.exists()


NSORCH = [sys.executable, "-m", "nsorch.cli.main"]


def test_a_root_that_cannot_be(daemon: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for root in (file, file / "below", Path("/proc/nothing")):
        done = daemon.run([*NSORCH, "--root", str(root), "up"], check=False)
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1
        assert str(root) in done.stderr


def test_a_second_daemon_for_the_same_root(daemon: Cluster) -> None:
    assert "already running" in daemon.nsorch("up").stdout
    done = daemon.nsorch("daemon", check=False, timeout=LIMIT)
    assert done.returncode == 1
    assert "another nsorch daemon" in done.stderr
