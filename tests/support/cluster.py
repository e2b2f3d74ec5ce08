"""A real nsorch in a private network namespace with its own root, driven by its own CLI and by the real kubectl."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.netns import NetworkNamespace

PROJECT = Path(__file__).resolve().parents[2]


class Cluster:
    """``with Cluster() as cluster: cluster.kubectl("get", "pods")``. Gone without a trace at the end."""

    host: type[NetworkNamespace] = NetworkNamespace
    """What the daemon runs in."""

    def __init__(self, *, options: tuple[str, ...] = (), parent: str | Path = "/var/tmp") -> None:
        self.options = options
        self.parent = parent

    def __enter__(self) -> Self:
        self.root = Path(tempfile.mkdtemp(prefix="nsorch-", dir=self.parent))
        self.namespace = self.host().__enter__()
        self.environment = {
            **os.environ,
            "NSORCH_ROOT": str(self.root),
            "KUBECONFIG": str(self.root / "kubeconfig"),
            "HOME": str(self.root),
            "KUBECACHEDIR": str(self.root / "kubecache"),
            "NSORCH_BUILD_NETNS": f"/proc/{os.getpid()}/ns/net",
        }
        try:
            self.up()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.nsorch("down", "--timeout", "2", check=False)
            if kind is not None:
                print(self.log()[-6000:], file=sys.stderr)
        finally:
            self.namespace.__exit__(None, None, None)
            subprocess.run(["rm", "-rf", str(self.root)], check=False)

    def up(self) -> None:
        """Start the daemon and wait until it is ready."""
        self.nsorch("up", *self.options)

    def nsorch(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run the nsorch command line inside."""
        return self.run([sys.executable, "-m", "nsorch.cli.main", *words], **options)

    def kubectl(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run the real kubectl inside."""
        return self.run(["kubectl", *words], **options)

    def run(self, argv: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command inside; on failure its output is part of the error."""
        check = options.pop("check", True)
        done = self.namespace.run(argv, **{"env": self.environment, "cwd": PROJECT, "check": False, **options})
        if check and done.returncode:
            raise AssertionError(f"{' '.join(argv[-12:])}: status {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def json(self, *words: str) -> Any:
        """``kubectl WORDS -o json``, parsed."""
        return json.loads(self.kubectl(*words, "-o", "json").stdout)

    def apply(self, manifest: str, *words: str) -> str:
        """``kubectl apply -f -``."""
        return self.kubectl("apply", "-f", "-", *words, input=manifest).stdout

    def eventually(self, check: Callable[[], Any], *, what: str, seconds: float = 30) -> Any:
        """Ask until the answer is true; for facts that have no watch (processes, files, connections)."""
        deadline = time.monotonic() + seconds
        while True:
            answer = check()
            if answer:
                return answer
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds:g} s: {what}\n{self.log()[-4000:]}")
            time.sleep(0.05)

    @property
    def files(self) -> Path:
        """Where the test's own process sees the root."""
        return self.root

    def daemon_pid(self) -> int:
        """The running daemon's pid."""
        return int((self.files / "run" / "daemon.pid").read_text())

    def log(self) -> str:
        """The daemon's log."""
        file = self.files / "logs" / "daemon.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def check_log(self) -> None:
        """AssertionError if the daemon has said anything that it should not have to say."""
        bad = [line for line in self.log().splitlines() if "Traceback" in line or " ERROR " in line]
        assert not bad, "the daemon's log has:\n" + "\n".join(bad[:20]) + self.log()[-4000:]
