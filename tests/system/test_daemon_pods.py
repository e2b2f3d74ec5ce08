"""Pods on the whole daemon: volumes, environment, order of containers, probes, hooks, limits, identities."""

from __future__ import annotations

from pathlib import Path

from tests.support.space import Space, condition, main, status_of, waits_for

EMPTY = {"name": "work", "emptyDir": {}}
WORK = {"volumeMounts": [{"name": "work", "mountPath": "/shared"}]}


def test_containers_of_a_pod_share_network_and_memory(here: Space) -> None:
    server = main(["sh", "-c", "echo hello > /dev/shm/index.html; exec httpd -f -p 8080 -h /dev/shm"], name="server")
    here.pod("one", containers=[server, main()])
    here.ready("one")
    assert here.sh("one", "until wget -qO- http://localhost:8080/; do sleep 0.05; done; cat /dev/shm/index.html") == (
        "hello\nhello\n"
    )
    assert here.sh("one", "hostname") == "one\n"


def test_empty_directories(here: Space) -> None:
    volumes = [
        {"name": "disk", "emptyDir": {}},
        {"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
    ]
    mounts = [{"name": "disk", "mountPath": "/disk"}, {"name": "memory", "mountPath": "/memory"}]
    here.pod("one", volumes=volumes, containers=[main(name=name, volumeMounts=mounts) for name in ("main", "other")])
    here.ready("one")
    here.sh("one", "echo a > /disk/a; echo b > /memory/b")
    assert here.sh("one", "cat /disk/a /memory/b; grep -c ' /memory tmpfs' /proc/mounts", "other") == "a\nb\n1\n"
    assert "No space" in here.sh("one", "dd if=/dev/zero of=/memory/big bs=1M count=2 2>&1; true")


def test_config_maps_and_secrets(here: Space) -> None:
    here.create("configmaps", {"metadata": {"name": "settings"}, "data": {"color": "red", "file": "content"}})
    here.create("secrets", {"metadata": {"name": "hidden"}, "stringData": {"password": "pass"}})
    env = [
        {"name": "COLOR", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "color"}}},
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "hidden", "key": "password"}}},
        {"name": "ABSENT", "valueFrom": {"configMapKeyRef": {"name": "absent", "key": "a", "optional": True}}},
        {"name": "BOTH", "value": "$(COLOR)-$(PASSWORD)-$$(COLOR)-$(NOTHING)"},
    ]
    sources = [{"configMapRef": {"name": "settings"}, "prefix": "S_"}, {"secretRef": {"name": "hidden"}}]
    volumes = [
        {"name": "settings", "configMap": {"name": "settings", "items": [{"key": "file", "path": "sub/name"}]}},
        {"name": "live", "configMap": {"name": "settings"}},
        {"name": "hidden", "secret": {"secretName": "hidden", "defaultMode": 0o400}},
    ]
    mounts = [{"name": name, "mountPath": f"/{name}"} for name in ("settings", "live", "hidden")]
    here.pod("one", {"env": env, "envFrom": sources, "volumeMounts": mounts}, volumes=volumes)
    here.ready("one")
    shown = here.sh("one", 'echo "$BOTH ${ABSENT-none} $S_file $password"; cat /settings/sub/name /hidden/password')
    assert shown == "red-pass-$(COLOR)-$(NOTHING) none content pass\ncontentpass"
    assert here.sh("one", "stat -Lc %a /hidden/password; touch /hidden/x 2>/dev/null || echo ro") == "400\nro\n"
    here.patch("configmaps", "settings", {"data": {"color": "blue"}})
    here.sh("one", "until [ $(cat /live/color) = blue ]; do sleep 0.05; done")
    assert here.sh("one", "echo $COLOR") == "red\n"


def test_downward_api(here: Space) -> None:
    def field(name: str, path: str) -> dict[str, object]:
        return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}

    env = [
        field("NAME", "metadata.name"),
        field("SPACE", "metadata.namespace"),
        field("POD_IP", "status.podIP"),
        field("NODE", "spec.nodeName"),
        field("LABEL", "metadata.labels['app']"),
        {"name": "LIMIT", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
    ]
    volume = {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}
    container = {
        "env": env,
        "resources": {"limits": {"memory": "64Mi"}},
        "volumeMounts": [{"name": "info", "mountPath": "/info"}],
    }
    here.pod("one", container, volumes=[{"name": "info", "downwardAPI": volume}])
    pod = here.ready("one")
    shown = here.sh("one", "echo $NAME $SPACE $POD_IP $NODE $LABEL $LIMIT; cat /info/labels").splitlines()
    node = pod["spec"]["nodeName"]
    assert shown == [f"one {here.name} {pod['status']['podIP']} {node} one 64", 'app="one"']
    here.patch("pods", "one", {"metadata": {"labels": {"more": "x"}}})
    here.sh("one", "until grep -q more /info/labels; do sleep 0.05; done")


def test_host_paths(here: Space, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("from the host\n")
    volumes = [
        {"name": "there", "hostPath": {"path": str(tmp_path), "type": "Directory"}},
        {"name": "made", "hostPath": {"path": str(tmp_path / "new"), "type": "DirectoryOrCreate"}},
    ]
    mounts = [{"name": "there", "mountPath": "/there", "readOnly": True}, {"name": "made", "mountPath": "/made"}]
    here.pod("one", {"volumeMounts": mounts}, volumes=volumes)
    here.ready("one")
    assert here.sh("one", "cat /there/file; touch /there/x 2>/dev/null || echo refused; echo a > /made/a") == (
        "from the host\nrefused\n"
    )
    assert (tmp_path / "new" / "a").read_text() == "a\n"
    here.pod("two", volumes=[{"name": "x", "hostPath": {"path": str(tmp_path / "no"), "type": "Directory"}}])
    assert str(tmp_path / "no") in here.event("two", "FailedMount")


def test_init_containers_and_sidecars(here: Space) -> None:
    """Init containers one after the other, a sidecar from its place on; all done: the Pod has Succeeded."""
    mounted = {"volumeMounts": [{"name": "work", "mountPath": "/shared"}]}
    first = main(["sh", "-c", "echo first >> /shared/order"], name="first", **mounted)
    helper = "echo sidecar >> /shared/order; trap 'echo sidecar ends; exit 0' TERM; while true; do sleep 0.05; done"
    sidecar = main(["sh", "-c", helper], name="sidecar", restartPolicy="Always", **mounted)
    ready = {"exec": {"command": ["grep", "-q", "sidecar", "/shared/order"]}, "periodSeconds": 1}
    sidecar["startupProbe"] = ready
    second = main(["sh", "-c", "echo second >> /shared/order"], name="second", **mounted)
    end = main(["sh", "-c", "cat /shared/order; exit 0"], **mounted)
    here.pod(
        "one",
        containers=[end],
        initContainers=[first, sidecar, second],
        restartPolicy="Never",
        volumes=[{"name": "work", "emptyDir": {}}],
    )
    assert here.done("one")["status"]["phase"] == "Succeeded"
    assert here.log("one") == "first\nsidecar\nsecond\n"
    assert here.log("one", "?container=sidecar") == "sidecar ends\n"

    here.pod("bad", initContainers=[main(["false"], name="first")], restartPolicy="Never")
    assert here.done("bad")["status"]["phase"] == "Failed"


def test_readiness_decides_about_endpoints(here: Space) -> None:
    probe = {"exec": {"command": ["test", "-e", "/tmp/ready"]}, "periodSeconds": 1, "failureThreshold": 1}
    here.service("one")
    here.pod("one", {"readinessProbe": probe})
    here.when("one", lambda pod: condition(pod, "ContainersReady") == "False" and status_of(pod).get("started"))

    def ready() -> list[str]:
        found = [s for s in here.list("endpointslices") if s["metadata"]["name"].startswith("one")]
        every = [e for item in found for e in item.get("endpoints") or ()]
        return [a for e in every if e["conditions"]["ready"] for a in e["addresses"]]

    assert ready() == []
    here.sh("one", "touch /tmp/ready")
    pod = here.ready("one")
    here.until("endpointslices", lambda _: ready() == [pod["status"]["podIP"]], what="the endpoint is ready")
    here.sh("one", "rm /tmp/ready")
    here.when("one", lambda pod: condition(pod, "Ready") == "False")
    here.until("endpointslices", lambda _: ready() == [], what="the endpoint is not ready")
    assert status_of(here.get("pods", "one"))["restartCount"] == 0


def test_liveness_and_startup(here: Space) -> None:
    script = "touch /tmp/alive; trap 'exit 0' TERM; while true; do sleep 0.05; done"
    probe = {"exec": {"command": ["test", "-e", "/tmp/alive"]}, "periodSeconds": 1, "failureThreshold": 1}
    here.pod("sick", main(["sh", "-c", script], livenessProbe=probe))
    never = {"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 2}
    here.pod("late", {"startupProbe": never, "readinessProbe": {"exec": {"command": ["true"]}}})
    here.ready("sick")
    here.sh("sick", "rm /tmp/alive")
    here.when("sick", lambda pod: status_of(pod)["restartCount"] == 1)
    assert "Liveness probe failed" in here.event("sick", "Unhealthy")
    late = here.when("late", lambda pod: status_of(pod).get("restartCount") == 1)
    assert condition(late, "Ready") == "False"


def test_hooks(here: Space) -> None:
    said = " > /proc/1/fd/1"
    hooks = {
        "postStart": {"exec": {"command": ["sh", "-c", "echo started" + said]}},
        "preStop": {"exec": {"command": ["sh", "-c", "echo stopping" + said]}},
    }
    here.pod("one", {"lifecycle": hooks})
    here.ready("one")
    with here.cluster.namespace.popen(
        ["kubectl", "-n", here.name, "logs", "-f", "one"], env=here.cluster.environment, stdout=-1
    ) as follow:
        assert follow.stdout is not None
        assert follow.stdout.readline() == "started\n"
        here.delete("pods", "one", grace=5)
        assert follow.stdout.read() == "stopping\n"


def test_restart_policies(here: Space) -> None:
    here.pod("always", {"command": ["false"]})
    here.pod("on-failure", {"command": ["sh", "-c", "test -e /shared/x && exit 0; touch /shared/x; exit 1"], **WORK},
             restartPolicy="OnFailure", volumes=[EMPTY])  # fmt: skip
    here.pod("never", {"command": ["sh", "-c", "exit 5"]}, restartPolicy="Never")
    assert status_of(here.done("never"))["state"]["terminated"]["exitCode"] == 5
    loop = here.when("always", lambda pod: waits_for(pod, "CrashLoopBackOff"))
    assert "back-off" in status_of(loop)["state"]["waiting"]["message"]
    assert status_of(loop)["lastState"]["terminated"]["exitCode"] == 1
    fine = here.done("on-failure")
    assert fine["status"]["phase"] == "Succeeded"
    assert status_of(fine)["restartCount"] == 1


def test_what_a_container_says_at_its_end(here: Space) -> None:
    here.pod("file", main(["sh", "-c", "echo why > /dev/termination-log; exit 2"]), restartPolicy="Never")
    logs = {"terminationMessagePolicy": "FallbackToLogsOnError"}
    here.pod("logs", main(["sh", "-c", "echo from the log; exit 2"], **logs), restartPolicy="Never")
    for name, message in (("file", "why\n"), ("logs", "from the log\n")):
        assert status_of(here.done(name))["state"]["terminated"]["message"] == message


def test_a_deadline_for_the_whole_pod(here: Space) -> None:
    here.pod("one", activeDeadlineSeconds=1)
    failed = here.done("one")
    assert (failed["status"]["phase"], failed["status"]["reason"]) == ("Failed", "DeadlineExceeded")


def test_too_much_memory(here: Space) -> None:
    eater = "x=a; while true; do x=$x$x; done"
    limits = {"limits": {"memory": "16Mi"}}
    here.pod("one", main(["sh", "-c", eater], resources=limits), restartPolicy="Never")
    ended = status_of(here.done("one"))["state"]["terminated"]
    assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)


def test_host_network(here: Space) -> None:
    here.pod("one", hostNetwork=True)
    pod = here.ready("one")
    assert pod["status"]["podIP"] == pod["status"]["hostIP"]
    assert pod["status"]["podIP"] in here.sh("one", "ip -4 addr")


def test_security_context(here: Space) -> None:
    user = {"runAsUser": 1000, "runAsGroup": 2000, "fsGroup": 3000, "supplementalGroups": [4000]}
    shut = {"readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    script = (
        "id -u; id -g; id -G; stat -c %g /shared; touch /shared/a && stat -c %g /shared/a; touch /x 2>/dev/null || echo ro; "
        "grep -E 'NoNewPrivs|CapEff' /proc/self/status"
    )
    here.pod(
        "user",
        main(["sh", "-c", script], securityContext=shut, **WORK),
        securityContext=user,
        volumes=[EMPTY],
        restartPolicy="Never",
    )
    here.done("user")
    lines = here.log("user").splitlines()
    assert lines[:2] == ["1000", "2000"]
    assert set(lines[2].split()) == {"2000", "3000", "4000"}
    assert lines[3:6] == ["3000", "3000", "ro"]
    assert sorted(line.split()[1] for line in lines[6:]) == ["0000000000000000", "1"]

    here.pod("root", {"securityContext": {"runAsNonRoot": True}})
    held = here.when("root", lambda pod: waits_for(pod, "CreateContainerConfigError"))
    assert "root" in status_of(held)["state"]["waiting"]["message"]


def test_capabilities(here: Space) -> None:
    show = ["sh", "-c", "grep CapEff /proc/self/status"]
    contexts = {
        "usual": {},
        "added": {"capabilities": {"add": ["NET_ADMIN"]}},
        "dropped": {"capabilities": {"drop": ["ALL"], "add": ["CHOWN"]}},
        "privileged": {"privileged": True},
    }
    for name, context in contexts.items():
        here.pod(name, main(show, securityContext=context), restartPolicy="Never")
    found = {}
    for name in contexts:
        here.done(name)
        found[name] = int(here.log(name).split()[1], 16)
    assert found["usual"] == 0xA80425FB  # the default set of container runtimes
    assert found["added"] == 0xA80425FB | 1 << 12
    assert found["dropped"] == 1
    assert found["privileged"] & found["usual"] == found["usual"]
    assert found["privileged"] > 0xA80425FB
