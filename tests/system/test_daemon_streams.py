"""logs, exec, attach, cp, port-forward on the whole daemon, by kubectl and by nsorch."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import subprocess
import sys
import time

from tests.support.cluster import PROJECT
from tests.support.space import Space, main, status_of

NSORCH = [sys.executable, "-m", "nsorch.cli.main"]
TALKER = main(["sh", "-c", "for n in 1 2 3 4; do echo line $n; done; exec sleep 1000"])


def nsorch(here: Space, *words: str, **options: object) -> subprocess.CompletedProcess[str]:
    return here.cluster.nsorch(*words, **options)


def test_logs(here: Space) -> None:
    other = main(["sh", "-c", "echo other; exec sleep 1000"], name="other")
    here.pod("one", containers=[TALKER, other])
    here.ready("one")
    every = "line 1\nline 2\nline 3\nline 4\n"
    for run in (here.kubectl, lambda *words: nsorch(here, words[0], "-n", here.name, *words[1:])):
        assert run("logs", "one", "-c", "main").stdout == every
        assert run("logs", "one", "-c", "main", "--tail", "2").stdout == "line 3\nline 4\n"
        assert run("logs", "one", "-c", "other", "--since", "1h").stdout == "other\n"
        stamped = run("logs", "one", "-c", "main", "--timestamps").stdout.splitlines()
        assert [line.partition(" ")[2] for line in stamped] == every.splitlines()
        assert time.strptime(stamped[0][:19], "%Y-%m-%dT%H:%M:%S")
    assert here.log("one", "?container=main&limitBytes=6") == "line 1"


def test_logs_that_are_followed_over_a_restart_of_the_container(here: Space) -> None:
    here.pod("one", main(["sh", "-c", "echo begin $HOSTNAME; exec sleep 1000"]))
    pod = here.ready("one")
    with following(here, "logs", "-f", "one") as follow:
        assert follow.stdout is not None
        assert follow.stdout.readline() == "begin one\n"
        here.kill(pod)
        assert follow.stdout.read() == ""  # as kubectl does: the log of one run of the container
    here.when("one", lambda pod: status_of(pod)["restartCount"] == 1 and status_of(pod)["ready"])
    assert here.kubectl("logs", "one", "-p").stdout == "begin one\n"


def test_exec(here: Space) -> None:
    here.pod("one", containers=[main(), main(name="other", env=[{"name": "WHO", "value": "other"}])])
    here.ready("one")
    for run in (here.kubectl, lambda *words, **options: nsorch(here, words[0], "-n", here.name, *words[1:], **options)):
        done = run("exec", "one", "-c", "other", "--", "sh", "-c", "echo $WHO; echo err >&2; exit 7", check=False)
        assert (done.returncode, done.stdout) == (7, "other\n")
        assert "err" in done.stderr
        big = "x" * 300_000
        assert run("exec", "-i", "one", "-c", "main", "--", "cat", input=big).stdout == big
        missing = run("exec", "one", "-c", "main", "--", "nothing-here", check=False)
        assert missing.returncode != 0
        assert "nothing-here" in missing.stderr
        absent = run("exec", "absent", "--", "true", check=False)
        assert absent.returncode != 0
        assert "absent" in absent.stderr


def test_exec_with_a_terminal(here: Space) -> None:
    here.pod("one")
    here.ready("one")
    for argv in (
        ["kubectl", "-n", here.name, "exec", "-it", "one", "--", "sh"],
        [*NSORCH, "exec", "-n", here.name, "-it", "one", "--", "sh"],
    ):
        said, code = typed(here, argv, b"tty; stty size; exit 3\n")
        assert "/dev/pts/" in said
        assert code == 3


def test_attach(here: Space) -> None:
    here.pod("one", main(["sh", "-c", "while read line; do echo got $line; done"], stdin=True))
    here.ready("one")
    with following(here, "attach", "-i", "one", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("hello\n")
        process.stdin.flush()
        assert process.stdout.readline() == "got hello\n"


def test_copy(here: Space, tmp_path: object) -> None:
    here.pod("one")
    here.ready("one")
    source, back = f"{tmp_path}/source", f"{tmp_path}/back"
    data = os.urandom(100_000)
    with open(source, "wb") as file:
        file.write(data)
    here.kubectl("cp", source, "one:/tmp/copy")
    here.kubectl("cp", "one:/tmp/copy", back)
    with open(back, "rb") as file:
        assert file.read() == data


def test_port_forward(here: Space) -> None:
    here.pod("one", main(["sh", "-c", "mkdir /www; echo forwarded > /www/index.html; exec httpd -f -p 8080 -h /www"]))
    here.ready("one")
    here.sh("one", "until wget -qO- http://localhost:8080/; do sleep 0.05; done")
    with following(here, "port-forward", "pod/one", ":8080") as process:
        assert process.stdout is not None
        port = process.stdout.readline().split("127.0.0.1:")[1].split()[0]
        for _ in range(3):
            answer = here.cluster.run([sys.executable, "-c", FETCH, f"http://127.0.0.1:{port}/"])
            assert answer.stdout == "forwarded\n\n"


FETCH = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())"


@contextlib.contextmanager
def following(here: Space, *words: str, **options: object):  # type: ignore[no-untyped-def]
    """kubectl beside the test, ended with the block."""
    process = here.cluster.namespace.popen(
        ["kubectl", "-n", here.name, *words],
        env=here.cluster.environment,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, **options},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def typed(here: Space, argv: list[str], keys: bytes) -> tuple[str, int]:
    """Run ``argv`` on a pseudo-terminal, type ``keys``; what was shown, and the exit code."""
    ours, theirs = pty.openpty()
    process = here.cluster.namespace.popen(
        argv, stdin=theirs, stdout=theirs, stderr=theirs, env={**here.cluster.environment, "TERM": "dumb"}, cwd=PROJECT
    )
    os.close(theirs)
    shown = b""
    os.write(ours, keys)
    try:
        while select.select([ours], [], [], 20)[0]:
            try:
                data = os.read(ours, 4096)
            except OSError:
                break
            if not data:
                break
            shown += data
        return shown.decode(errors="replace"), process.wait(20)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
