"""What the API may ask of the node agent about a running Pod: logs, exec, attach, port-forward.

The API sees only this protocol (it never imports the node), the node agent implements it, the daemon joins them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol


class RuntimeRefused(Exception):
    """The node cannot do it. ``code`` and ``reason`` are those of the ``metav1.Status`` to answer with."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOptions:
    """``v1.PodLogOptions``; ``since_time`` in seconds since the epoch."""

    container: str
    follow: bool = False
    previous: bool = False
    since_seconds: int | None = None
    since_time: float | None = None
    timestamps: bool = False
    tail_lines: int | None = None
    limit_bytes: int | None = None
    stream: str = "All"


class ExecSession(Protocol):
    """One process started in a container, or one attachment to a container's first process."""

    async def read(self) -> tuple[int, bytes] | None:
        """The next output: (1, stdout bytes) or (2, stderr bytes); None when all output has ended."""
        ...

    async def write(self, data: bytes) -> None:
        """Feed standard input; waits while the process is not reading."""
        ...

    async def close_stdin(self) -> None: ...

    async def resize(self, rows: int, columns: int) -> None: ...

    async def wait(self) -> int:
        """Exit code (128 + signal if killed). Raises RuntimeRefused if the command could not be run."""
        ...

    async def close(self) -> None:
        """The client has gone: end the process (exec) or detach (attach). Safe to call twice."""
        ...


class Runtime(Protocol):
    """The running side of the node's Pods, found by Pod uid."""

    def logs(self, namespace: str, name: str, uid: str, options: LogOptions) -> AsyncIterator[bytes]:
        """Log bytes as kubectl prints them. RuntimeRefused before the first item if there is nothing to read."""
        ...

    async def exec(
        self,
        uid: str,
        container: str,
        argv: Sequence[str],
        *,
        stdin: bool,
        tty: bool,
    ) -> ExecSession: ...

    async def attach(self, uid: str, container: str, *, stdin: bool, tty: bool) -> ExecSession: ...

    async def connect(self, uid: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A TCP connection to ``port`` inside the Pod (port-forward)."""
        ...
