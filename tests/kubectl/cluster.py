"""The real kubectl, pointed at a running daemon in its private network namespace.

``NSORCH_KUBECTL`` names another kubectl than the one on the PATH.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence

from tests.support.cluster import PROJECT
from tests.support.cluster import Cluster as Daemon

VENV = PROJECT / ".venv" / "bin"
SEARCH = f"{os.environ['PATH']}:{VENV}"
KUBECTL = os.environ.get("NSORCH_KUBECTL") or shutil.which("kubectl", path=SEARCH) or "kubectl"


class Cluster:
    """A running daemon, and kubectl pointed at it."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon

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
        return self.daemon.namespace.command(
            [KUBECTL, "--kubeconfig", str(self.daemon.root / "kubeconfig"), *scope, *arguments]
        )

    def environment(self, env: dict[str, str] | None = None) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.daemon.root), "KUBE_EDITOR": "false"} | (env or {})
