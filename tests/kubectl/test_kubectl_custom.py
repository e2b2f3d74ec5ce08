"""Custom kinds through the real kubectl: a definition, its objects, their end, and a restart of the daemon between."""

from __future__ import annotations

import json

from tests.kubectl.cluster import Cluster
from tests.kubectl.conftest import Space
from tests.support.crash import kill_daemon
from tests.support.custom import DEFINITION

TAB = """
apiVersion: stable.example.com/v1
kind: CronTab
metadata: {name: one, labels: {app: tab}}
spec: {cronSpec: "* * * * */5", port: http, list: [{name: a, value: "1"}]}
"""


def test_custom_kinds(cluster: Cluster, space: Space) -> None:
    cluster.out("apply", "-f", "-", input=DEFINITION)
    cluster.out("wait", "--for=condition=Established", "crd/crontabs.stable.example.com", "--timeout=5s")
    assert "ct " in cluster.out("api-resources", "--api-group=stable.example.com")
    assert "When it runs." in cluster.out("explain", "crontabs.spec.cronSpec")
    assert "cronSpec\t<string>" in cluster.out("explain", "ct.spec")

    assert space.out("apply", "-f", "-", input=TAB) == "crontab.stable.example.com/one created\n"
    assert space.out("apply", "-f", "-", input=TAB) == "crontab.stable.example.com/one unchanged\n"
    changed = TAB.replace("{name: a,", "{name: b,")
    assert space.out("apply", "-f", "-", input=changed) == "crontab.stable.example.com/one configured\n"
    assert space.field("ct/one", ".spec.list[*].name") == "b"
    refused = space.fails("apply", "-f", "-", input=TAB.replace("* * * * */5", "never"))
    assert "spec.cronSpec: Invalid value" in refused
    assert "unknown field" in space.fails("apply", "-f", "-", input=TAB.replace("port:", "prt:"))

    header, row = space.out("get", "ct").splitlines()
    assert header.split() == ["NAME", "SPEC", "REPLICAS", "AGE"]
    assert row.split()[:7] == ["one", "*", "*", "*", "*", "*/5", "1"]
    assert "crontab.stable.example.com/one" in space.out("get", "all", "-o", "name")
    space.out("scale", "crontab/one", "--replicas=3")
    space.out("patch", "ct", "one", "--subresource=status", "--type=merge", "-p", '{"status":{"replicas":2}}')
    assert space.out("get", "ct", "one", "-o", "jsonpath={.spec.replicas}/{.status.replicas}") == "3/2"
    applied = space.fails(
        "apply", "--server-side", "--field-manager=other", "-f", "-", input=TAB.replace("* * * * */5", "1 1 1 1 1")
    )
    assert "conflict" in applied
    space.out("label", "ct/one", "seen=yes")
    assert space.out("get", "ct", "-l", "seen=yes", "-o", "name").strip() == "crontab.stable.example.com/one"
    assert "Cron Spec:" in space.out("describe", "ct", "one")
    cluster.out("create", "namespace", "of-tabs")
    cluster.out("apply", "-n", "of-tabs", "-f", "-", input=TAB)
    cluster.out("delete", "namespace", "of-tabs", "--timeout=20s")
    assert cluster.out("get", "ct", "-A", "-o", "name").count("crontab") == 1
    cluster.daemon.nsorch("apply", "-n", space.name, "-f", "-", input=TAB.replace("one", "native"))
    assert space.field("ct/native", ".spec.replicas") == "1"
    older = json.loads(space.out("get", "crontabs.v1beta1.stable.example.com", "one", "-o", "json"))
    assert older["apiVersion"] == "stable.example.com/v1beta1"


def test_a_restart_and_the_end(cluster: Cluster, space: Space) -> None:
    cluster.out("apply", "-f", "-", input=DEFINITION)
    owned = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"owned","ownerReferences":[%s]}}'
    space.out("apply", "-f", "-", input=TAB)
    uid = space.field("ct/one", ".metadata.uid")
    owner = {"apiVersion": "stable.example.com/v1", "kind": "CronTab", "name": "one", "uid": uid}
    space.out("apply", "-f", "-", input=owned % json.dumps(owner))
    kill_daemon(cluster.daemon)
    cluster.daemon.up()
    assert space.field("ct/one", ".spec.image") == "busybox"

    with cluster.following("get", "ct", "--watch", "-o", "name", namespace=space.name) as watch:
        assert watch.stdout is not None
        assert watch.stdout.readline().strip() == "crontab.stable.example.com/one"
        space.out("patch", "ct", "one", "--type=merge", "-p", '{"metadata":{"finalizers":["example.com/wait"]}}')
        watch.stdout.readline()
        cluster.out("delete", "crd", "crontabs.stable.example.com", "--wait=false")
        assert "not allow" in space.fails("create", "-f", "-", input=TAB.replace("name: one", "name: two"))
        space.out("patch", "ct", "one", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
        cluster.out("wait", "--for=delete", "crd/crontabs.stable.example.com", "--timeout=20s")
        assert watch.wait(20) == 0  # the watch has ended with its kind
    space.out("wait", "--for=delete", "configmap/owned", "--timeout=20s")
    assert "could not find the requested resource" in space.fails("get", "ct")  # as kubectl's cache has it
