"""``nsorch`` as a person types it, in the Namespace of a test."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from tests.support.cluster import PROJECT, Cluster
from tests.support.space import Space


class CommandLine:
    """``cli("get", "pods")`` in one Namespace; ``cli.fails("get", "x")`` is what it says when it cannot."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace

    @classmethod
    def of(cls, here: Space) -> CommandLine:
        return cls(here.cluster, here.name)

    def __call__(self, *words: str, **options: Any) -> str:
        """Standard output of a command that succeeds."""
        output: str = self.cluster.nsorch(*self._placed(words), **options).stdout
        return output

    def run(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """The command as it ended."""
        return self.cluster.nsorch(*self._placed(words), check=False, **options)

    def fails(self, *words: str, status: int = 1, **options: Any) -> str:
        """Standard error of a command that must fail with this exit status, in words and without a traceback."""
        done = self.run(*words, **options)
        assert done.returncode == status, f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        assert "a mistake of nsorch" not in done.stderr
        assert done.stderr.startswith(("nsorch: ", "Usage: ", "Defaulted", "Found", "Warning")), done.stderr
        return done.stderr

    def start(self, *words: str, **options: Any) -> subprocess.Popen[bytes]:
        """The command, running; the caller ends it."""
        argv = [sys.executable, "-m", "nsorch.cli.main", *self._placed(words)]
        command = ["nsenter", f"--net={self.cluster.namespace.path}", "--", *argv]
        given: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
        environment = {**os.environ, **self.cluster.environment}
        return subprocess.Popen(command, cwd=PROJECT, env=environment, **{**given, **options})

    def _placed(self, words: tuple[str, ...]) -> tuple[str, ...]:
        own = words[: words.index("--")] if "--" in words else words
        if not words or words[0] not in NAMESPACED or "-A" in own or "-n" in own:
            return words
        first = 2 if words[0] == "rollout" else 1
        return (*words[:first], "-n", self.namespace, *words[first:])


NAMESPACED = ("apply", "get", "describe", "delete", "logs", "exec", "scale", "rollout", "events", "explain-pod")
