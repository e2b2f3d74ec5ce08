"""The command line on objects: apply, get, describe, delete, scale, rollout, events, as a newcomer types them."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.cluster import Cluster
from tests.support.command_line import CommandLine
from tests.support.space import SLEEP, Space, space

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: '1'}\n"


@pytest.fixture(scope="module")
def town(daemon: Cluster) -> Iterator[Space]:
    """A Namespace with a Deployment ``web`` of two Pods and its Service, which tests only look at."""
    with space(daemon, "cli") as made:
        pod = {
            "volumes": [{"name": "scratch", "emptyDir": {}}],
            "terminationGracePeriodSeconds": 1,
        }
        container = {
            "ports": [{"name": "http", "containerPort": 8080}],
            "env": [
                {"name": "MODE", "value": "fast"},
                {"name": "ME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            ],
            "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
            "readinessProbe": {"exec": {"command": ["true"]}, "periodSeconds": 60},
            "resources": {"limits": {"memory": "64Mi"}},
        }
        made.deployment("web", 2, container, pod=pod)
        made.service("web", ports=[{"name": "http", "port": 80, "targetPort": "http"}], type="NodePort")
        made.rolled_out("web")
        yield made


@pytest.fixture
def cli(here: Space) -> CommandLine:
    return CommandLine.of(here)


@pytest.fixture(scope="module")
def look(town: Space) -> CommandLine:
    return CommandLine.of(town)


# apply


def test_apply_tells_what_it_did(cli: CommandLine) -> None:
    assert cli("apply", "-f", "-", input=CONFIG) == "configmap/settings created\n"
    assert cli("apply", "-f", "-", input=CONFIG) == "configmap/settings unchanged\n"
    changed = CONFIG.replace("'1'", "'2'")
    assert cli("apply", "--dry-run", "-f", "-", input=changed) == "configmap/settings configured (dry run)\n"
    assert cli("apply", "--dry-run", "-f", "-", input=CONFIG) == "configmap/settings unchanged (dry run)\n"
    assert cli("apply", "-f", "-", input=changed) == "configmap/settings configured\n"
    assert cli("apply", "-o", "name", "-f", "-", input=changed) == "configmap/settings\n"
    assert yaml.safe_load(cli("apply", "-o", "yaml", "-f", "-", input=changed))["data"] == {"a": "2"}


def test_a_folder_with_a_namespace_of_its_own(cli: CommandLine, here: Space, tmp_path: Path) -> None:
    """The Pod is written first, and its Namespace last."""
    name = f"{here.name}-own"

    def whole(*words: str) -> list[str]:
        return here.cluster.nsorch(*words, "-f", str(tmp_path)).stdout.splitlines()

    container = {"name": "main", "image": "busybox", "imagePullPolicy": "IfNotPresent", "command": SLEEP}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": name},
        "spec": {"containers": [container]},
    }
    (tmp_path / "1.json").write_text(json.dumps(pod))
    (tmp_path / "2.yaml").write_text(CONFIG.replace("{name: settings}", f"{{name: settings, namespace: {name}}}"))
    (tmp_path / "3.yaml").write_text(f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n")
    assert whole("apply", "--dry-run") == [
        f"namespace/{name} created (dry run)",
        "configmap/settings created (dry run)",
        "pod/p created (dry run)",
    ]
    assert cli("get", "namespace", name, "--ignore-not-found") == ""
    assert whole("apply") == [f"namespace/{name} created", "configmap/settings created", "pod/p created"]
    assert whole("delete", "--force") == [
        'pod "p" deleted',
        'configmap "settings" deleted',
        f'namespace "{name}" deleted',
    ]
    assert cli("get", "namespace", name, "--ignore-not-found") == ""


def test_what_cannot_be_applied_does_not_hold_up_the_rest(cli: CommandLine) -> None:
    bad = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: Bad_Name}\n"
    bad += "---\napiVersion: v1\nkind: Gadget\nmetadata: {name: g}\n"
    wrong = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: typo}\ndatum: {a: b}\n"
    done = cli.run("apply", "-f", "-", input=bad + "---\n" + CONFIG + wrong)
    assert done.returncode == 1
    assert done.stdout == "configmap/settings created\n"
    told = done.stderr.splitlines()
    assert len(told) == 3
    assert told[0].startswith("nsorch: cannot apply ConfigMap/Bad_Name of standard input: Invalid: ")
    assert 'unknown field "datum"' in told[1]
    assert 'no matches for kind "Gadget" in version "v1"' in told[2]
    assert 'its namespace is "x", not' in cli.fails(
        "apply", "-f", "-", input=CONFIG.replace("{name", "{namespace: x, name")
    )


# get


def test_get_tables(look: CommandLine) -> None:
    header, *rows = look("get", "pods").splitlines()
    assert header.split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert len(rows) == 2
    assert all(row.split()[1:3] == ["1/1", "Running"] for row in rows)
    assert "NODE" in look("get", "po", "-o", "wide").splitlines()[0]
    assert "app=web" in look("get", "pods", "--show-labels")
    assert len(look("get", "pods", "--no-headers").splitlines()) == 2
    assert "pod/web-" in look("get", "all")
    assert look("get", "all").count("NAME ") == 4
    assert look.namespace in look("get", "pods", "-A")
    both = look("get", "svc,deploy", "web").splitlines()
    assert [line.split()[0] for line in both if line.startswith(("service", "deploy"))] == [
        "service/web",
        "deployment.apps/web",
    ]


def test_get_documents(look: CommandLine) -> None:
    assert yaml.safe_load(look("get", "deploy/web", "-o", "yaml"))["kind"] == "Deployment"
    listed = json.loads(look("get", "pods", "-l", "app=web", "-o", "json"))
    assert listed["kind"] == "List"
    assert [item["kind"] for item in listed["items"]] == ["Pod", "Pod"]
    assert look("get", "svc/web", "deploy/web", "-o", "name") == "service/web\ndeployment.apps/web\n"
    assert look("get", "pods", "--field-selector", "status.phase=Failed", "-o", "name") == ""


def test_get_nothing(look: CommandLine) -> None:
    assert look.run("get", "secrets").stderr == f"No resources found in {look.namespace} namespace.\n"
    assert look.fails("get", "pod", "nope") == 'nsorch: NotFound: pods "nope" not found\n'
    some = look.run("get", "svc/web", "svc/nope", "deploy/nope")
    assert some.returncode == 1
    assert "service/web" in some.stdout
    assert (
        some.stderr
        == 'nsorch: NotFound: services "nope" not found\nnsorch: NotFound: deployments.apps "nope" not found\n'
    )
    assert look("get", "pod", "nope", "--ignore-not-found") == ""


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["get", "bananas"], 1, 'resource type "bananas"'),
        (["get"], 2, "Missing argument"),
        (["get", "pods", "--nope"], 2, "No such option"),
        (["get", "pods", "-o", "jsonpath={.x}"], 2, "choose one of wide, json, yaml, name"),
        (["get", "pod/a", "-A"], 2, "by name and by selector or in all namespaces"),
        (["get", "pods", "-l", "a=(b"], 1, "BadRequest"),
        (["get", "pods,svc", "-w"], 2, "cannot watch several"),
        (["delete", "pods"], 2, "name them, or give -l LABELS or --all"),
        (["delete"], 2, "say what to delete"),
        (["delete", "pod", "a", "--cascade", "up"], 2, "background, foreground, orphan"),
        (["scale", "cm/kube-root-ca.crt", "--replicas", "1"], 1, "a ConfigMap has no replicas to set"),
        (["scale", "deploy/web", "--replicas", "3", "--current-replicas", "9"], 1, "expected 9 replicas, there are 2"),
        (["rollout", "status", "svc/web"], 2, "only Deployments"),
        (["rollout", "undo", "web"], 1, "there is no revision before this one"),
        (
            ["rollout", "history", "web", "--revision", "7"],
            1,
            "cannot find revision 7 of deployment.apps/web: there are 1",
        ),
        (["rollout", "resume", "web"], 1, "it is not paused"),
        (["events", "--for", "web"], 2, "write KIND/NAME"),
        (["explain-pod", "nope"], 1, 'pods "nope" not found'),
        (["logs"], 2, "say whose log"),
        (["logs", "nope"], 1, 'pods "nope" not found'),
        (["logs", "svc/web", "--since", "1x"], 2, 'cannot read the duration "1x"'),
        (["logs", "deploy/web", "-c", "nope"], 1, "it has: main"),
        (["exec", "deploy/web"], 2, "say where and what to run"),
        (["image", "load", "/nope"], 1, "cannot load /nope: no such file"),
        (["image", "build", "/nope"], 1, "cannot build /nope: no such folder"),
        (["image", "inspect", "nope"], 1, 'no image "nope"'),
        (["bogus"], 2, "No such command 'bogus'"),
    ],
)
def test_mistakes(look: CommandLine, words: list[str], status: int, said: str) -> None:
    assert said in look.fails(*words, status=status)


def test_get_watch(cli: CommandLine, here: Space) -> None:
    watcher = cli.start("get", "configmaps", "-w", "--no-headers")
    assert watcher.stdout is not None
    try:
        assert watcher.stdout.readline().split()[0] == b"kube-root-ca.crt"
        here.create("configmaps", {"metadata": {"name": "one"}, "data": {"a": "b"}})
        line = watcher.stdout.readline()
        assert line.split()[:2] == [b"one", b"1"]
        watcher.send_signal(signal.SIGINT)
        out, err = watcher.communicate(timeout=10)
        assert (out, err) == (b"", b"")
        assert watcher.returncode in (-signal.SIGINT, 130)
    finally:
        watcher.kill()
        watcher.communicate()


# describe


def test_describe(look: CommandLine, town: Space) -> None:
    pod = town.pods_of("web")[0]
    text = look("describe", "pod", pod["metadata"]["name"])
    for part in (
        "Controlled By:    ReplicaSet/web-",
        f"IP:               {pod['status']['podIP']}",
        "Ports:          8080/TCP (http)",
        "State:          Running since 20",
        "Environment:    MODE=fast\n                    ME = field metadata.name",
        "/scratch from scratch (rw)",
        "Readiness:      exec true delay=0s timeout=1s period=60s",
        "  scratch:          EmptyDir",
        "Started container main",
    ):
        assert part in text
    assert text.index("Scheduled") < text.index("Created container") < text.index("Started container")
    deploy = look("describe", "deploy/web", "svc/web")
    address = pod["status"]["podIP"]
    for part in (
        "Replicas:         2 desired | 2 updated | 2 total | 2 available | 0 unavailable",
        "Strategy:         RollingUpdate, 25% max unavailable, 25% max surge",
        "(2/2 replicas, revision 1)",
        "Scaled up replica set",
        "Port:             http 80/TCP to http, node port 3",
        f"{address}:8080",
    ):
        assert part in deploy
    node = look("describe", "nodes")
    assert "memory" in node
    assert pod["metadata"]["name"] in node
    assert "data" not in look("describe", "serviceaccount", "default").lower()


def test_describe_hides_what_a_secret_holds(cli: CommandLine, here: Space) -> None:
    here.create("secrets", {"metadata": {"name": "s"}, "stringData": {"password": "hunter2"}})
    text = cli("describe", "secret", "s")
    assert "password:       7 bytes" in text
    assert "aHVudGVyMg" not in text
    assert cli.fails("describe", "secret", "nope") == 'nsorch: NotFound: secrets "nope" not found\n'


# delete


def test_delete_waits_until_all_is_gone(cli: CommandLine, here: Space) -> None:
    here.pod("slow", terminationGracePeriodSeconds=30)
    here.pod("quick", {"command": ["sleep", "600"]}, terminationGracePeriodSeconds=0)
    here.ready("slow")
    assert cli("delete", "pod", "slow", "--dry-run") == 'pod "slow" deleted (dry run)\n'
    assert cli("delete", "pods", "--all", "--timeout", "20s").splitlines() == [
        'pod "quick" deleted',
        'pod "slow" deleted',
    ]
    assert cli("get", "pods", "-o", "name") == ""


def test_delete_tells_what_it_waits_for(cli: CommandLine, here: Space) -> None:
    here.create("configmaps", {"metadata": {"name": "held", "finalizers": ["example.com/hold"]}})
    said = cli.fails("delete", "cm/held", "cm/nope", "--timeout", "1s")
    assert 'configmaps "nope" not found' in said
    assert 'timed out waiting for configmap "held" to be gone: its finalizers are example.com/hold' in said
    here.patch("configmaps", "held", {"metadata": {"finalizers": None}})
    assert cli("delete", "cm", "held", "--ignore-not-found") == ""


# scale and rollout


def test_rollouts(cli: CommandLine, here: Space) -> None:
    here.deployment("app", 1, pod={"terminationGracePeriodSeconds": 0})
    assert cli("rollout", "status", "app", "--timeout", "20s").endswith('deployment "app" successfully rolled out\n')
    assert cli("scale", "deploy/app", "--replicas", "2", "--current-replicas", "1") == "deployment.apps/app scaled\n"
    assert cli("rollout", "pause", "deploy", "app") == "deployment.apps/app paused\n"
    assert "it is paused" in cli.fails("rollout", "restart", "app")
    assert cli("rollout", "resume", "app") == "deployment.apps/app resumed\n"
    assert cli("rollout", "restart", "app") == "deployment.apps/app restarted\n"
    cli("rollout", "status", "app", "--timeout", "20s")
    assert [line.split()[0] for line in cli("rollout", "history", "app").splitlines()] == ["REVISION", "1", "2"]
    assert "Restarted" not in cli("rollout", "history", "app", "--revision", "1")
    assert "kubectl.kubernetes.io/restartedAt: " in cli("rollout", "history", "app", "--revision", "2")
    assert cli("rollout", "undo", "app") == "deployment.apps/app rolled back to revision 1\n"
    here.rolled_out("app")
    assert "revision 2 of deployment.apps/app is not the newest: 3 is" in cli.fails(
        "rollout", "status", "app", "--revision", "2"
    )


def test_a_rollout_that_cannot_end(cli: CommandLine, here: Space) -> None:
    here.deployment("stuck", 1, {"image": "not-there", "imagePullPolicy": "Never"})
    said = cli.fails("rollout", "status", "stuck", "--timeout", "1s")
    assert 'timed out after 1s: Waiting for deployment "stuck" rollout to finish: 0 of 1' in said


# events, explain-pod, images


def test_events(look: CommandLine, town: Space) -> None:
    name = town.pods_of("web")[0]["metadata"]["name"]
    header, *rows = look("events", "--for", f"pod/{name}").splitlines()
    assert header.split()[-4:] == ["TYPE", "REASON", "OBJECT", "MESSAGE"]
    assert all(f"pod/{name}" in row for row in rows)
    assert look("events", "--types", "warning") == ""
    assert json.loads(look("events", "-o", "json"))["items"]


def test_explain_pod(look: CommandLine) -> None:
    text = look("explain-pod", "deploy/web")
    for step in ("clone3 CLONE_NEWNET", "mount overlay", "pivot_root", "execve sh -c"):
        assert step in text


def test_images(look: CommandLine) -> None:
    header, *rows = look("image", "ls").splitlines()
    assert header.split() == ["IMAGE", "TAG", "ID", "SIZE", "AGE"]
    assert any(row.split()[:2] == ["docker.io/library/busybox", "latest"] for row in rows)
    assert "docker.io/library/busybox:latest" in look("image", "ls", "-o", "name").splitlines()
    assert json.loads(look("image", "inspect", "busybox", "-o", "json"))["references"]


def test_image_from_standard_input(look: CommandLine, archive: Path) -> None:
    with archive.open("rb") as file:
        done = look.cluster.nsorch("image", "load", "-", stdin=file)
    assert done.stdout.splitlines()[-1].startswith("loaded busybox")
    assert "standard input: it is empty" in look.fails("image", "load", "-", input="")
    assert "cannot load" in look.fails("image", "load", "-", input="not an archive")
