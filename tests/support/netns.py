"""A private network namespace for tests that need root: nothing ever touches the host's own network."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self


class NetworkNamespace:
    """Held open by one sleeping process; gone, with all it holds, when that process is killed.

    ``with NetworkNamespace() as ns: ns.run(["ip", "link"])``
    """

    unshare: tuple[str, ...] = ("unshare", "--net")

    def __enter__(self) -> Self:
        self.holder = subprocess.Popen(
            [*self.unshare, "--", "sh", "-c", "ip link set lo up && echo ready && exec sleep infinity"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.holder.stdout is not None
        assert self.holder.stdout.readline() == "ready\n", "cannot make a network namespace: root is needed"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.holder.kill()
        self.holder.wait()

    @property
    def path(self) -> str:
        """``/proc/PID/ns/net``, for setns(2)."""
        return f"/proc/{self.holder.pid}/ns/net"

    def command(self, argv: Sequence[str]) -> list[str]:
        """``argv`` made to run inside (nsenter --net, which keeps /sys/fs/cgroup visible)."""
        return ["nsenter", f"--net={self.path}", "--", *argv]

    def run(self, argv: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
        """subprocess.run inside; text, captured and checked unless told otherwise."""
        return subprocess.run(
            self.command(argv),
            **{"text": True, "capture_output": True, "check": True, "timeout": 60, **options},
        )

    def popen(self, argv: Sequence[str], **options: Any) -> subprocess.Popen[str]:
        """subprocess.Popen inside."""
        return subprocess.Popen(self.command(argv), **{"text": True, **options})
