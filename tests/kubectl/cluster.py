"""A cluster for the real kubectl, in a private network namespace with its own root folder.

Two kinds of it, chosen by ``NSORCH_KUBECTL_TARGET``:

``control-plane``  API server, store and controllers, and a node that only reports (``control_plane.py``)
``daemon``         the whole daemon, as a user starts it: Pods are real processes of the image busybox

``NSORCH_KUBECTL`` names another kubectl than the one on the PATH.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from nsorch.kit.paths import Paths
from tests.support.cluster import Cluster as Daemon
from tests.support.netns import NetworkNamespace

KUBECTL = os.environ.get("NSORCH_KUBECTL") or shutil.which("kubectl") or "kubectl"
REPOSITORY = Path(__file__).resolve().parents[2]
ADDRESS = "192.168.77.1"
"""The node's address, on the namespace's loopback device: an API server's address must not be a loopback one."""


class Cluster(ABC):
    """A running cluster and kubectl pointed at it."""

    runs_pods: bool
    """Whether Pods are real processes (logs, exec)."""
    namespace: NetworkNamespace
    kubeconfig: Path
    home: Path

    @abstractmethod
    def start(self) -> None:
        """Return when the cluster is ready; raise with its log if it is not going to be."""

    @abstractmethod
    def stop(self) -> None:
        """Leave nothing behind."""

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

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
        """kubectl running beside the test, standard input and output as pipes; ended with the block."""
        process = subprocess.Popen(
            self.command(*arguments, namespace=namespace),
            stdin=subprocess.PIPE,
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
            assert process.stdin is not None
            process.stdout.close()
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()

    def command(self, *arguments: str, namespace: str = "") -> Sequence[str]:
        """The argv of kubectl inside the cluster's network namespace."""
        scope = ["--namespace", namespace] if namespace else []
        return self.namespace.command([KUBECTL, "--kubeconfig", str(self.kubeconfig), *scope, *arguments])

    def environment(self, env: dict[str, str] | None = None) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), "KUBE_EDITOR": "false"} | (env or {})


class ControlPlane(Cluster):
    """``control_plane.py`` as a child process."""

    runs_pods = False

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="nsorch-kubectl-"))
        self.home = self.root
        self.paths = Paths.at(self.root)
        self.kubeconfig = self.paths.kubeconfig
        self.log = self.root / "log"
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.namespace = NetworkNamespace().__enter__()
        self.namespace.run(["ip", "address", "add", f"{ADDRESS}/32", "dev", "lo"])
        with self.log.open("w") as log:
            self.process = self.namespace.popen(
                [
                    sys.executable,
                    "-m",
                    "tests.kubectl.control_plane",
                    "--root",
                    str(self.root),
                    "--node-address",
                    ADDRESS,
                ],
                stdout=log,
                stderr=log,
                cwd=REPOSITORY,
            )
        deadline = time.monotonic() + 30
        while not (self.kubeconfig.exists() and self.kubectl("get", "--raw", "/readyz", check=False).returncode == 0):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the control plane is not ready:\n{self.log.read_text()}")
            time.sleep(0.05)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if hasattr(self, "namespace"):
            self.namespace.__exit__(None, None, None)
        shutil.rmtree(self.root, ignore_errors=True)


class WholeDaemon(Cluster):
    """``nsorch up``, with the image that the tests' Pods use."""

    runs_pods = True

    def __init__(self) -> None:
        self.daemon = Daemon()
        self._entered = False

    def start(self) -> None:
        self.daemon.__enter__()
        self._entered = True
        self.namespace = self.daemon.namespace
        self.kubeconfig = self.daemon.root / "kubeconfig"
        self.home = self.daemon.root
        self.daemon.nsorch("image", "build", "rootfs/busybox", timeout=300)

    def stop(self) -> None:
        if self._entered:
            self.daemon.__exit__(None, None, None)


TARGETS: dict[str, type[Cluster]] = {"control-plane": ControlPlane, "daemon": WholeDaemon}
