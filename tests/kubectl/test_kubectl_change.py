"""Changes by command: patch, label, annotate, scale, set, expose, run, and rollouts."""

from __future__ import annotations

import json

import pytest

from tests.kubectl.conftest import Space
from tests.kubectl.manifests import IMAGE, config, deployment, pod, service


def test_patches_of_all_types(space: Space) -> None:
    space.out("apply", "-f", "-", input=deployment())
    strategic = '{"spec":{"template":{"spec":{"containers":[{"name":"main","env":[{"name":"MORE","value":"x"}]}]}}}}'
    assert space.out("patch", "deploy", "web", "-p", strategic) == "deployment.apps/web patched\n"
    names = space.field("deploy/web", ".spec.template.spec.containers[0].env[*].name").split()
    assert sorted(names) == ["MORE", "VERSION"]
    assert "(no change)" in space.out("patch", "deploy", "web", "-p", strategic)
    space.out("patch", "deploy", "web", "--type=merge", "-p", '{"spec":{"replicas":1}}')
    assert space.field("deploy/web", ".spec.replicas") == "1"
    operations = [
        {"op": "test", "path": "/spec/replicas", "value": 1},
        {"op": "replace", "path": "/spec/replicas", "value": 2},
    ]
    space.out("patch", "deploy", "web", "--type=json", "-p", json.dumps(operations))
    assert space.field("deploy/web", ".spec.replicas") == "2"
    assert "test failed" in space.fails("patch", "deploy", "web", "--type=json", "-p", json.dumps(operations))
    assert "is invalid" in space.fails("patch", "deploy", "web", "-p", '{"spec":{"replicas":-1}}')


def test_patch_of_a_subresource(space: Space) -> None:
    space.out("apply", "-f", "-", input=deployment(replicas=1))
    space.out("patch", "deploy", "web", "--subresource=scale", "--type=merge", "-p", '{"spec":{"replicas":2}}')
    assert space.field("deploy/web", ".spec.replicas") == "2"
    assert space.out("get", "deploy", "web", "--subresource=scale", "-o", "jsonpath={.kind}") == "Scale"


def test_labels_and_annotations(space: Space) -> None:
    space.out("apply", "-f", "-", input=config(a="1"))
    assert "labeled" in space.out("label", "cm", "settings", "color=red")
    assert "already has a value" in space.fails("label", "cm", "settings", "color=blue")
    space.out("label", "cm", "settings", "color=blue", "--overwrite")
    assert space.field("cm/settings", ".metadata.labels.color") == "blue"
    space.out("label", "cm", "settings", "color-")
    assert space.field("cm/settings", ".metadata.labels.color") == ""
    space.out("label", "cm", "--all", "all=yes")
    space.out("annotate", "cm", "settings", "note=some text")
    assert space.field("cm/settings", ".metadata.annotations.note") == "some text"
    space.out("annotate", "cm", "settings", "note-")
    assert "invalid label value" in space.fails("label", "cm", "settings", "bad=a b").lower()


def test_scale(space: Space) -> None:
    space.out("apply", "-f", "-", input=deployment(replicas=1))
    assert space.out("scale", "deploy", "web", "--replicas=2") == "deployment.apps/web scaled\n"
    space.out("rollout", "status", "deploy/web", "--timeout=60s")
    assert space.field("deploy/web", ".status.readyReplicas") == "2"
    assert "Expected replicas to be 5" in space.fails("scale", "deploy", "web", "--current-replicas=5", "--replicas=1")
    space.out("scale", "deploy", "web", "--current-replicas=2", "--replicas=0")
    space.out("wait", "--for=delete", "pod", "-l", "app=web", "--timeout=60s")
    assert "not found" in space.fails("scale", "deploy", "nothing", "--replicas=1")


def test_set(space: Space) -> None:
    space.out("apply", "-f", "-", input=deployment(replicas=1))
    space.out("set", "image", "deploy/web", "main=other:1")
    assert space.field("deploy/web", ".spec.template.spec.containers[0].image") == "other:1"
    space.out("set", "env", "deploy/web", "COLOR=red", "VERSION-")
    env = json.loads(space.field("deploy/web", ".spec.template.spec.containers[0].env"))
    assert env == [{"name": "COLOR", "value": "red"}]
    assert "COLOR=red" in space.out("set", "env", "deploy/web", "--list")
    space.out("set", "resources", "deploy/web", "--limits=cpu=200m,memory=64Mi", "--requests=cpu=100m")
    resources = json.loads(space.field("deploy/web", ".spec.template.spec.containers[0].resources"))
    assert resources["limits"] == {"cpu": "200m", "memory": "64Mi"}
    space.out("set", "serviceaccount", "deploy/web", "default")
    space.out("apply", "-f", "-", input=service())
    space.out("set", "selector", "svc", "web", "app=other")
    assert space.field("svc/web", ".spec.selector.app") == "other"


def test_run_and_expose(space: Space) -> None:
    space.out("run", "runner", f"--image={IMAGE}", "--labels=app=runner", "--port=8080", "--", "sleep", "1000")
    assert space.field("pod/runner", ".spec.containers[0].args[0]") == "sleep"
    assert space.out("expose", "pod", "runner", "--port=80", "--target-port=8080") == "service/runner exposed\n"
    assert space.field("svc/runner", ".spec.selector.app") == "runner"
    space.out("apply", "-f", "-", input=deployment(replicas=1))
    space.out("expose", "deployment", "web", "--port=80", "--type=NodePort", "--name=outside")
    assert 30000 <= int(space.field("svc/outside", ".spec.ports[0].nodePort")) <= 32767
    dry = space.out("run", "x", "--image=y", "--dry-run=client", "-o", "yaml")
    assert "kind: Pod" in dry


@pytest.fixture
def rolled(space: Space) -> Space:
    space.out("apply", "-f", "-", input=deployment(replicas=2, version="one"))
    space.out("rollout", "status", "deploy/web", "--timeout=60s")
    space.out("apply", "-f", "-", input=deployment(replicas=2, version="two"))
    assert "successfully rolled out" in space.out("rollout", "status", "deploy/web", "--timeout=60s")
    return space


VERSION = ".spec.template.spec.containers[0].env[?(@.name=='VERSION')].value"


def test_rollout_history_and_undo(rolled: Space) -> None:
    rolled.out("annotate", "deploy/web", "kubernetes.io/change-cause=the second")
    history = rolled.out("rollout", "history", "deploy/web")
    assert [line.split()[0] for line in history.splitlines()[2:] if line] == ["1", "2"]
    assert "VERSION:\tone" in rolled.out("rollout", "history", "deploy/web", "--revision=1")
    assert rolled.out("rollout", "undo", "deploy/web") == "deployment.apps/web rolled back\n"
    rolled.out("rollout", "status", "deploy/web", "--timeout=60s")
    assert rolled.field("deploy/web", VERSION) == "one"
    history = rolled.out("rollout", "history", "deploy/web")
    assert [line.split()[0] for line in history.splitlines()[2:] if line] == ["2", "3"]
    rolled.out("rollout", "undo", "deploy/web", "--to-revision=2")
    rolled.out("rollout", "status", "deploy/web", "--timeout=60s")
    assert rolled.field("deploy/web", VERSION) == "two"
    assert "unable to find" in rolled.fails("rollout", "undo", "deploy/web", "--to-revision=77")


def test_rollout_pause_and_resume(rolled: Space) -> None:
    assert "paused" in rolled.out("rollout", "pause", "deploy/web")
    rolled.out("set", "env", "deploy/web", "VERSION=three")
    assert len(rolled.out("get", "rs", "-l", "app=web", "-o", "name").split()) == 2
    assert "paused" in rolled.fails("rollout", "undo", "deploy/web")
    assert "resumed" in rolled.out("rollout", "resume", "deploy/web")
    rolled.out("rollout", "status", "deploy/web", "--timeout=60s")
    assert len(rolled.out("get", "rs", "-l", "app=web", "-o", "name").split()) == 3


def test_rollout_restart(rolled: Space) -> None:
    before = set(rolled.out("get", "pods", "-l", "app=web", "-o", "name").split())
    assert "restarted" in rolled.out("rollout", "restart", "deploy/web")
    rolled.out("rollout", "status", "deploy/web", "--timeout=60s")
    rolled.out("wait", "--for=delete", *before, "--timeout=60s")
    after = set(rolled.out("get", "pods", "-l", "app=web", "-o", "name").split())
    assert not before & after


def test_cordon(space: Space) -> None:
    node = space.cluster.out("get", "nodes", "-o", "name").strip()
    try:
        assert "cordoned" in space.cluster.out("cordon", node)
        assert "SchedulingDisabled" in space.cluster.out("get", node)
        space.out("apply", "-f", "-", input=pod("waiting"))
        assert space.field("pod/waiting", ".status.phase") == "Pending"
    finally:
        assert "uncordoned" in space.cluster.out("uncordon", node)
    space.out("wait", "--for=condition=Ready", "pod/waiting", "--timeout=60s")
