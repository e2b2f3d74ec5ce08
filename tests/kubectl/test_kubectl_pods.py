"""Pods that really run: logs, exec, attach, cp, port-forward. Only with the whole daemon."""

from __future__ import annotations

from pathlib import Path

from tests.kubectl.conftest import Space
from tests.kubectl.manifests import IMAGE, pod

TALKER = f"""
apiVersion: v1
kind: Pod
metadata: {{name: talker}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: {IMAGE}
    command: [sh, -c, "echo one; echo two; echo three >&2; exec sleep 100000"]
  - name: other
    image: {IMAGE}
    command: [sh, -c, "echo other; exec sleep 100000"]
"""

CRASHER = f"""
apiVersion: v1
kind: Pod
metadata: {{name: crasher}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: {IMAGE}
    command: [sh, -c, "test -e /state/ran && {{ echo second; exec sleep 100000; }}; touch /state/ran; echo first; exit 3"]
    volumeMounts: [{{name: state, mountPath: /state}}]
  volumes: [{{name: state, emptyDir: {{}}}}]
"""


def test_logs(space: Space) -> None:
    space.out("apply", "-f", "-", input=TALKER)
    space.out("wait", "--for=condition=Ready", "pod/talker", "--timeout=30s")
    assert sorted(space.out("logs", "talker", "-c", "main").split()) == ["one", "three", "two"]
    assert space.out("logs", "talker", "-c", "other") == "other\n"
    assert len(space.out("logs", "talker", "-c", "main", "--tail=1").splitlines()) == 1
    assert len(space.out("logs", "talker", "-c", "main", "--since=1h").splitlines()) == 3
    assert "T" in space.out("logs", "talker", "-c", "other", "--timestamps").split()[0]
    assert "other" in space.out("logs", "talker", "--all-containers")
    assert "Defaulted container" in space.kubectl("logs", "talker").stderr
    assert "container nothing is not valid" in space.fails("logs", "talker", "-c", "nothing")


def test_logs_that_go_on(space: Space) -> None:
    space.out("apply", "-f", "-", input=pod())
    space.out("wait", "--for=condition=Ready", "pod/one", "--timeout=30s")
    with space.cluster.following("logs", "-f", "one", namespace=space.name) as process:
        space.out("exec", "one", "--", "sh", "-c", "echo hello > /proc/1/fd/1")
        assert process.stdout is not None
        assert process.stdout.readline() == "hello\n"
        space.out("delete", "pod", "one", "--now")
        assert process.stdout.read() == ""


def test_logs_of_the_previous_container(space: Space) -> None:
    space.out("apply", "-f", "-", input=CRASHER)
    space.out("wait", "--for=jsonpath={.status.containerStatuses[0].restartCount}=1", "pod/crasher", "--timeout=60s")
    space.out("wait", "--for=condition=Ready", "pod/crasher", "--timeout=60s")
    assert space.out("logs", "crasher", "-p") == "first\n"
    assert space.out("logs", "crasher") == "second\n"
    assert space.field("pod/crasher", ".status.containerStatuses[0].lastState.terminated.exitCode") == "3"


def test_exec(space: Space) -> None:
    space.out("apply", "-f", "-", input=pod())
    space.out("wait", "--for=condition=Ready", "pod/one", "--timeout=30s")
    assert space.out("exec", "one", "--", "echo", "hello") == "hello\n"
    assert space.kubectl("exec", "-i", "one", "--", "cat", input="typed\n").stdout == "typed\n"
    answer = space.kubectl("exec", "one", "--", "sh", "-c", "echo out; echo err >&2; exit 7", check=False)
    assert (answer.returncode, answer.stdout) == (7, "out\n")
    assert "err" in answer.stderr
    assert space.kubectl("exec", "one", "--", "nothing-here", check=False).returncode != 0


def test_files_are_copied(space: Space, tmp_path: Path) -> None:
    space.out("apply", "-f", "-", input=pod())
    space.out("wait", "--for=condition=Ready", "pod/one", "--timeout=30s")
    (tmp_path / "there").write_text("content\n")
    space.out("cp", str(tmp_path / "there"), "one:/tmp/here")
    assert space.out("exec", "one", "--", "cat", "/tmp/here") == "content\n"
    space.out("cp", "one:/tmp/here", str(tmp_path / "back"))
    assert (tmp_path / "back").read_text() == "content\n"


def test_run_to_its_end(space: Space) -> None:
    answer = space.kubectl(
        "run",
        "quick",
        f"--image={IMAGE}",
        "--restart=Never",
        "--attach",
        "--rm",
        "-q",
        "--",
        "sh",
        "-c",
        "sleep 1; echo done",
    )
    assert "done" in answer.stdout


def test_debug(space: Space) -> None:
    """An ephemeral container is added to a Pod that runs, and attached to."""
    space.out("apply", "-f", "-", input=pod())
    space.out("wait", "--for=condition=Ready", "pod/one", "--timeout=30s")
    answer = space.kubectl(
        "debug", "one", f"--image={IMAGE}", "-c", "debugger", "--attach", "--", "sh", "-c", "sleep 1; echo seen"
    )
    assert "seen" in answer.stdout
    assert space.out("logs", "one", "-c", "debugger") == "seen\n"
    assert "Ephemeral Containers:" in space.out("describe", "pod", "one")
