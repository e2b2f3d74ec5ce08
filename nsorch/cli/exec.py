"""``nsorch exec``: run a command in a container, over the Kubernetes exec subresource (v5.channel.k8s.io)."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import termios
import tty as terminal
from typing import Annotated
from urllib.parse import urlencode

import typer

from nsorch.cli.connection import segment
from nsorch.cli.failure import CommandFailure
from nsorch.cli.options import Container, Namespace, Root, Session

STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255


def register(app: typer.Typer) -> None:
    app.command(context_settings={"allow_interspersed_args": False})(exec)


def exec(
    pod: Annotated[str, typer.Argument(metavar="POD")],
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND [ARG...]")],
    container: Container = "",
    namespace: Namespace = "default",
    stdin: Annotated[bool, typer.Option("--stdin", "-i", help="Pass standard input on.")] = False,
    tty: Annotated[bool, typer.Option("--tty", "-t", help="Give the command a terminal.")] = False,
    root: Root = None,
) -> None:
    """Run a command in a Pod: `nsorch exec -it web-1 -- sh`. Options go before the Pod's name."""
    session = Session(root)
    if not session.connection.alive():
        session.connection.call("GET", "/version")
    if command[:1] == ["--"]:
        command = command[1:]
    raise typer.Exit(asyncio.run(_run(session, pod.removeprefix("pod/"), command, container, namespace, stdin, tty)))


async def _run(
    session: Session, pod: str, command: list[str], container: str, namespace: str, stdin: bool, tty: bool
) -> int:
    import aiohttp  # 200 ms to import: only this command needs it

    query = [("command", word) for word in command]
    query += [("stdout", "true"), ("stderr", "false" if tty else "true")]
    query += [("stdin", "true")] * stdin + [("tty", "true")] * tty + [("container", container)] * bool(container)
    url = f"http://localhost/api/v1/namespaces/{segment(namespace)}/pods/{segment(pod)}/exec?{urlencode(query)}"
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(session.paths.api_socket))) as client:
        try:
            socket = await client.ws_connect(url, protocols=("v5.channel.k8s.io",), max_msg_size=0)
        except aiohttp.WSServerHandshakeError as error:
            raise CommandFailure(await _refusal(client, url) or f"cannot exec in pod/{pod}: {error.message}") from None
        saved = termios.tcgetattr(sys.stdin) if tty and stdin and sys.stdin.isatty() else None
        try:
            if saved:
                terminal.setraw(sys.stdin)
            if tty:
                _follow_size(socket)
            feeder = asyncio.create_task(_feed(socket)) if stdin else None
            code = await _receive(socket, pod)
            if feeder:
                feeder.cancel()
            return code
        finally:
            if saved:
                termios.tcsetattr(sys.stdin, termios.TCSADRAIN, saved)


async def _refusal(client: object, url: str) -> str:
    """Why the server refused the upgrade: the same request again without one answers with a Status."""
    import aiohttp

    assert isinstance(client, aiohttp.ClientSession)
    async with client.post(url) as answer:
        text = await answer.text()
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError):
        return text.strip()


def _follow_size(socket: object) -> None:
    import aiohttp

    assert isinstance(socket, aiohttp.ClientWebSocketResponse)
    tasks: set[asyncio.Task[None]] = set()

    def send() -> None:
        size = shutil.get_terminal_size()
        body = json.dumps({"Width": size.columns, "Height": size.lines}).encode()
        task = asyncio.get_running_loop().create_task(socket.send_bytes(bytes([RESIZE]) + body))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    asyncio.get_running_loop().add_signal_handler(signal.SIGWINCH, send)
    send()


async def _feed(socket: object) -> None:
    import aiohttp

    assert isinstance(socket, aiohttp.ClientWebSocketResponse)
    loop = asyncio.get_running_loop()
    while data := await loop.run_in_executor(None, os.read, sys.stdin.fileno(), 65536):
        await socket.send_bytes(bytes([STDIN]) + data)
    await socket.send_bytes(bytes([CLOSE, STDIN]))


async def _receive(socket: object, pod: str) -> int:
    import aiohttp

    assert isinstance(socket, aiohttp.ClientWebSocketResponse)
    async for message in socket:
        if message.type is not aiohttp.WSMsgType.BINARY or not message.data:
            continue
        channel, data = message.data[0], message.data[1:]
        if channel == STDOUT:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        elif channel == STDERR:
            sys.stderr.buffer.write(data)
            sys.stderr.buffer.flush()
        elif channel == ERROR:
            return _exit_code(json.loads(data), pod)
    raise CommandFailure(f"cannot exec in pod/{pod}: the connection broke")


def _exit_code(status: dict[str, object], pod: str) -> int:
    if status.get("status") == "Success":
        return 0
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    for cause in causes or ():
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise CommandFailure(f"cannot exec in pod/{pod}: {status.get('message')}")
