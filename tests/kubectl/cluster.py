"""A cluster for the real kubectl, in a private network namespace with its own root folder.

Two ways to run it, chosen by ``NSORCH_KUBECTL_TARGET``:

``control-plane``  API server, store and controllers, and a node that only reports (``control_plane.py``)
``daemon``         the whole daemon, as a user starts it: Pods are real processes

``NSORCH_KUBECTL`` names another kubectl than the one on the PATH.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from nsorch.kit.paths import Paths
from tests.support.netns import NetworkNamespace

KUBECTL = os.environ.get("NSORCH_KUBECTL") or shutil.which("kubectl") or "kubectl"
REPOSITORY = Path(__file__).resolve().parents[2]
ADDRESS = "192.168.77.1"
"""The node's address, on the namespace's loopback device: an API server's address must not be a loopback one."""
TARGETS = {
    "control-plane": ["-m", "tests.kubectl.control_plane"],
    "daemon": ["-m", "nsorch.daemon"],
}


class Cluster:
    """A running cluster and kubectl pointed at it."""

    def __init__(self, root: Path, target: str) -> None:
        self.root = root
        self.target = target
        self.paths = Paths.at(root)
        self.home = root / "home"
        self.log = root / "daemon.log"
        self.namespace = NetworkNamespace()

    @property
    def runs_pods(self) -> bool:
        """Whether Pods are real processes (logs, exec)."""
        return self.target == "daemon"

    def __enter__(self) -> Cluster:
        self.home.mkdir(parents=True)
        self.namespace.__enter__()
        try:
            self.namespace.run(["ip", "address", "add", f"{ADDRESS}/32", "dev", "lo"])
            with self.log.open("w") as log:
                self.process = self.namespace.popen(
                    [sys.executable, *TARGETS[self.target], "--root", str(self.root), "--node-address", ADDRESS],
                    stdout=subprocess.PIPE,
                    stderr=log,
                    cwd=REPOSITORY,
                    env=os.environ | {"NSORCH_ROOT": str(self.root)},
                )
            self._wait_ready()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *error: object) -> None:
        if hasattr(self, "process"):
            if self.target == "daemon" and self.process.poll() is None:
                self.namespace.run(
                    [sys.executable, "-m", "nsorch.cli.main", "--root", str(self.root), "down"], check=False
                )
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
        self.namespace.__exit__(None, None, None)

    def _wait_ready(self) -> None:
        """Ask /readyz until it answers: the daemon has no other way to tell a process that is not its parent."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the cluster ended with {self.process.returncode}:\n{self.log.read_text()}")
            if self.paths.kubeconfig.exists():
                answer = self.kubectl("get", "--raw", "/readyz", check=False)
                if answer.returncode == 0 and answer.stdout.strip() == "ok":
                    return
            time.sleep(0.1)
        raise AssertionError(f"the cluster is not ready:\n{self.log.read_text()}")

    def kubectl(
        self,
        *arguments: str,
        namespace: str = "",
        input: str | None = None,
        check: bool = True,
        timeout: float = 60,
        env: dict[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl; AssertionError with all output if it fails though ``check``."""
        argv = self.command(*arguments, namespace=namespace)
        answer = subprocess.run(
            argv, input=input, capture_output=True, text=True, timeout=timeout, env=self.environment(env)
        )
        if check and answer.returncode != 0:
            raise AssertionError(
                f"kubectl {' '.join(arguments)} ended with {answer.returncode}\n{answer.stdout}{answer.stderr}"
            )
        return answer

    def out(self, *arguments: str, namespace: str = "", input: str | None = None) -> str:
        """Standard output of kubectl, which must succeed."""
        return self.kubectl(*arguments, namespace=namespace, input=input).stdout

    def fails(self, *arguments: str, namespace: str = "", input: str | None = None) -> str:
        """Standard error of kubectl, which must fail."""
        answer = self.kubectl(*arguments, namespace=namespace, input=input, check=False)
        assert answer.returncode != 0, f"kubectl {' '.join(arguments)} succeeded:\n{answer.stdout}"
        return answer.stderr

    @contextlib.contextmanager
    def following(self, *arguments: str, namespace: str = "") -> Iterator[subprocess.Popen[str]]:
        """kubectl running beside the test, standard output as a pipe; ended with the block."""
        process = subprocess.Popen(
            self.command(*arguments, namespace=namespace),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=self.environment(),
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()

    def command(self, *arguments: str, namespace: str = "") -> Sequence[str]:
        """The argv of kubectl inside the cluster's network namespace."""
        scope = ["--namespace", namespace] if namespace else []
        return self.namespace.command([KUBECTL, "--kubeconfig", str(self.paths.kubeconfig), *scope, *arguments])

    def environment(self, env: dict[str, str] | None = None) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), "KUBE_EDITOR": "false"} | (env or {})
