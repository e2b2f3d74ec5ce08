"""exec and attach: a session with a process, joined to a client, whatever protocol that speaks."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Protocol

from nsorch.api.failures import Failure
from nsorch.kit.logs import logger
from nsorch.resources.runtime import ExecSession, RuntimeRefused

log = logger("api")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which streams the client has asked for."""

    stdin: bool
    stdout: bool
    stderr: bool
    tty: bool


class Client(Protocol):
    """The client's end. ConnectionError from any of these: it has gone."""

    async def send(self, stream: int, data: bytes) -> None:
        """Output of stream 1 or 2."""
        ...

    async def receive(self, session: ExecSession) -> None:
        """Hand on standard input and terminal sizes until the client has gone."""
        ...

    async def finish(self, outcome: dict[str, Any]) -> None:
        """All output is sent: tell the outcome, a ``metav1.Status``, and end in order."""
        ...


async def join(session: ExecSession, client: Client, wanted: Wanted) -> None:
    """Until the process has ended and everything is sent, or the client has gone."""
    output = asyncio.create_task(_output(session, client, wanted))
    receiver = asyncio.create_task(client.receive(session))
    try:
        await asyncio.wait({output, receiver}, return_when=asyncio.FIRST_COMPLETED)
        if not output.done():
            receiver.result()
            return  # the client has gone
        output.result()
        await client.finish(await outcome_of(session))
    except ConnectionError:
        pass
    finally:
        for task in (output, receiver):
            task.cancel()
        await asyncio.gather(output, receiver, return_exceptions=True)


async def _output(session: ExecSession, client: Client, wanted: Wanted) -> None:
    while (item := await session.read()) is not None:
        stream, data = item
        if (stream == 1 and wanted.stdout) or (stream == 2 and wanted.stderr):
            await client.send(stream, data)


async def outcome_of(session: ExecSession) -> dict[str, Any]:
    """How the process has ended, as clients read it."""
    try:
        code = await session.wait()
    except RuntimeRefused as refused:
        return Failure(refused.code, refused.reason, refused.message).status()
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def outcome_bytes(outcome: dict[str, Any], *, as_status: bool) -> bytes:
    """The outcome on the wire: JSON since version 4 of the protocol, before that the message of a failure alone."""
    if as_status:
        return json.dumps(outcome).encode()
    return b"" if outcome["status"] == "Success" else str(outcome.get("message", "")).encode()


async def write_input(session: ExecSession, data: bytes) -> bool:
    """False when the process reads no more; its output still matters."""
    try:
        await session.write(data)
    except ConnectionError:
        return False
    return True


async def resize(session: ExecSession, size: Any) -> None:
    """Change the terminal's size, ``{"Width": columns, "Height": rows}``."""
    try:
        await session.resize(int(size["Height"]), int(size["Width"]))
    except (ValueError, KeyError, TypeError) as error:
        log.info("a client sent a terminal size that cannot be read: %s", error)
