"""Objects from manifests: create, apply, diff, edit, replace, delete, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.kubectl.conftest import Space
from tests.kubectl.manifests import config, deployment, pod, service


def test_create_and_apply(space: Space) -> None:
    assert space.out("create", "-f", "-", input=config(a="1")) == "configmap/settings created\n"
    assert 'configmaps "settings" already exists' in space.fails("create", "-f", "-", input=config(a="1"))
    assert space.out("apply", "-f", "-", input=deployment()) == "deployment.apps/web created\n"
    assert space.out("apply", "-f", "-", input=deployment()) == "deployment.apps/web unchanged\n"
    assert space.out("apply", "-f", "-", input=deployment(version="two")) == "deployment.apps/web configured\n"
    assert space.field("deploy/web", ".spec.template.spec.containers[0].env[0].value") == "two"


def test_apply_removes_what_the_manifest_drops_and_keeps_what_others_set(space: Space) -> None:
    space.out("apply", "-f", "-", input=config(a="1", b="2"))
    space.out("patch", "cm", "settings", "--type=merge", "-p", '{"data":{"mine":"x"}}')
    space.out("apply", "-f", "-", input=config(a="3"))
    assert json.loads(space.field("cm/settings", ".data")) == {"a": "3", "mine": "x"}


def test_apply_merges_lists_by_key(space: Space) -> None:
    space.out("apply", "-f", "-", input=deployment())
    patch = '{"spec":{"template":{"spec":{"containers":[{"name":"injected","image":"x"}]}}}}'
    space.out("patch", "deploy", "web", "-p", patch)
    space.out("apply", "-f", "-", input=deployment(version="two"))
    names = space.field("deploy/web", ".spec.template.spec.containers[*].name").split()
    assert sorted(names) == ["injected", "main"]


def test_apply_a_folder(space: Space, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(service())
    (tmp_path / "b.json").write_text(
        json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "j"}, "data": {"a": "b"}})
    )
    space.out("apply", "-f", str(tmp_path))
    assert space.out("delete", "-f", str(tmp_path)).count("deleted") == 2


def test_dry_runs_change_nothing(space: Space) -> None:
    for mode in ("client", "server"):
        assert "created" in space.out("apply", "-f", "-", f"--dry-run={mode}", input=config(a="1"))
        assert "not found" in space.fails("get", "cm", "settings")
    space.out("apply", "-f", "-", input=config(a="1"))
    space.out("apply", "-f", "-", "--dry-run=server", input=config(a="2"))
    space.out("delete", "cm", "settings", "--dry-run=server")
    assert space.field("cm/settings", ".data.a") == "1"


def test_diff(space: Space) -> None:
    space.out("apply", "-f", "-", input=deployment())
    assert space.out("diff", "-f", "-", input=deployment()) == ""
    answer = space.kubectl("diff", "-f", "-", input=deployment(version="two"), check=False)
    assert answer.returncode == 1
    assert "-          value: one" in answer.stdout.replace("- ", "- ", 1) or "value: one" in answer.stdout
    assert "value: two" in answer.stdout


def test_edit(space: Space) -> None:
    space.out("apply", "-f", "-", input=deployment())
    editor = {"KUBE_EDITOR": "sed -i s/value:.one/value:\\ edited/"}
    assert "deployment.apps/web edited" in space.kubectl("edit", "deployment", "web", env=editor).stdout
    assert space.field("deploy/web", ".spec.template.spec.containers[0].env[0].value") == "edited"
    editor = {"KUBE_EDITOR": "sed -i s/xxxx/yyyy/"}
    assert "no changes made" in space.kubectl("edit", "deployment", "web", env=editor).stderr


def test_replace(space: Space) -> None:
    space.out("create", "-f", "-", input=config(a="1", b="2"))
    assert "replaced" in space.out("replace", "-f", "-", input=config(a="3"))
    assert json.loads(space.field("cm/settings", ".data")) == {"a": "3"}
    uid = space.field("cm/settings", ".metadata.uid")
    assert "replaced" in space.out("replace", "--force", "-f", "-", input=config(a="4"))
    assert space.field("cm/settings", ".metadata.uid") != uid


def test_replace_of_an_old_version_is_a_conflict(space: Space) -> None:
    space.out("create", "-f", "-", input=config(a="1"))
    old = space.out("get", "cm", "settings", "-o", "json")
    space.out("patch", "cm", "settings", "--type=merge", "-p", '{"data":{"a":"2"}}')
    assert "the object has been modified" in space.fails("replace", "-f", "-", input=old)


def test_delete(space: Space) -> None:
    space.out("apply", "-f", "-", input=f"{deployment()}---{config(a='1')}---{pod()}")
    space.out("wait", "--for=condition=Available", "deployment/web", "--timeout=60s")
    assert space.out("delete", "pod", "one", "--timeout=30s").startswith('pod "one" deleted')
    assert "not found" in space.fails("delete", "pod", "one")
    assert space.out("delete", "pod", "one", "--ignore-not-found") == ""
    space.out("delete", "deployment", "web", "--cascade=foreground", "--timeout=60s")
    assert space.out("get", "rs,pods", "-l", "app=web", "-o", "name") == ""
    space.out("delete", "cm", "-l", "nothing=here")
    space.out("delete", "cm", "settings", "--now")


def test_delete_with_orphans(space: Space) -> None:
    space.out("apply", "-f", "-", input=deployment(replicas=1))
    space.out("wait", "--for=condition=Available", "deployment/web", "--timeout=60s")
    space.out("delete", "deployment", "web", "--cascade=orphan", "--timeout=60s")
    replica_sets = space.out("get", "rs", "-l", "app=web", "-o", "name").split()
    assert len(replica_sets) == 1
    assert space.field(replica_sets[0], ".metadata.ownerReferences") == ""
    space.out("delete", replica_sets[0])


def test_delete_all_of_a_kind(space: Space) -> None:
    for name in "abc":
        space.out("create", "configmap", name, "--from-literal=k=v")
    assert space.out("delete", "cm", "--all").count("deleted") >= 3


def test_create_by_command(space: Space) -> None:
    space.out("create", "deployment", "made", "--image=busybox", "--replicas=2", "--", "sleep", "1000")
    space.out("create", "service", "clusterip", "made", "--tcp=80:8080")
    space.out("create", "configmap", "made", "--from-literal=a=b")
    space.out("create", "secret", "generic", "made", "--from-literal=password=secret")
    space.out("create", "serviceaccount", "made")
    assert space.field("deploy/made", ".spec.replicas") == "2"
    assert space.field("secret/made", ".data.password") == "c2VjcmV0"
    assert space.field("svc/made", ".spec.clusterIP").startswith("10.")


def test_namespaces(space: Space) -> None:
    name = f"{space.name}-other"
    space.cluster.out("create", "namespace", name)
    space.cluster.out("create", "cm", "x", "-n", name)
    space.cluster.out("delete", "namespace", name, "--timeout=60s")
    assert "not found" in space.cluster.fails("get", "namespace", name)
    assert f'namespaces "{name}" not found' in space.cluster.fails("create", "cm", "x", "-n", name)


REFUSED = [
    ("spec: [", "yaml"),
    (config(a="1").replace("\ndata", "\ndatum"), 'unknown field "datum"'),
    (deployment().replace("replicas: 3", "replicas: many"), "spec.replicas"),
    (deployment().replace("replicas: 3", "replicas: -1"), "must be greater than or equal to 0"),
    (deployment().replace("matchLabels: {app: web}", "matchLabels: {app: other}"), "selector"),
    (config("Not_A_Name"), "RFC 1123"),
    (pod(labels="{'a b': c}"), "metadata.labels"),
    (deployment().replace("name: main", "name: Main_"), "spec.template.spec.containers[0].name"),
    (pod().replace("v1", "v7"), "no matches for kind"),
    ("apiVersion: v1\nkind: Unicorn\nmetadata: {name: x}", "no matches for kind"),
]


@pytest.mark.parametrize(("manifest", "message"), REFUSED)
def test_bad_manifests_are_refused_precisely(space: Space, manifest: str, message: str) -> None:
    assert message.lower() in space.fails("apply", "-f", "-", input=manifest).lower()
    assert space.out("get", "deploy,pods", "-o", "name") == ""


def test_validation_can_warn(space: Space) -> None:
    manifest = config(a="1") + "datum: {}\n"
    answer = space.kubectl("apply", "--validate=warn", "-f", "-", input=manifest)
    assert 'unknown field "datum"' in answer.stderr
    space.out("apply", "--validate=ignore", "-f", "-", input=manifest)


def test_generate_name(space: Space) -> None:
    manifest = config(a="1").replace("name: settings", "generateName: made-")
    assert space.out("create", "-f", "-", "-o", "name", input=manifest).startswith("configmap/made-")


def test_server_side_apply(space: Space) -> None:
    assert (
        space.out("apply", "--server-side", "-f", "-", input=deployment()) == "deployment.apps/web serverside-applied\n"
    )
    space.out("apply", "--server-side", "-f", "-", input=deployment(version="two"))
    space.out("scale", "deploy", "web", "--replicas=1")
    message = space.fails("apply", "--server-side", "-f", "-", input=deployment(version="three"))
    assert ".spec.replicas" in message
    assert "--force-conflicts" in message
    space.out("apply", "--server-side", "--force-conflicts", "-f", "-", input=deployment(version="three"))
    assert space.field("deploy/web", ".spec.replicas") == "3"
    assert space.field("deploy/web", ".spec.template.spec.containers[0].env[0].value") == "three"
    answer = space.kubectl("diff", "--server-side", "-f", "-", input=deployment(version="four"), check=False)
    assert "value: four" in answer.stdout


def test_server_side_apply_takes_over_from_client_side_apply(space: Space) -> None:
    space.out("apply", "-f", "-", input=config(a="1", b="2"))
    space.out("apply", "--server-side", "-f", "-", input=config(a="3"))
    assert json.loads(space.field("cm/settings", ".data")) == {"a": "3"}
    space.out("apply", "-f", "-", input=config(a="4"))
    assert json.loads(space.field("cm/settings", ".data")) == {"a": "4"}
