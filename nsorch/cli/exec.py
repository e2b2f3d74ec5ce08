"""``nsorch exec``: run a command in a container, over the Kubernetes exec subresource (v5.channel.k8s.io)."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import termios
import tty as terminal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from nsorch.cli import targets
from nsorch.cli.failure import CommandFailure
from nsorch.cli.options import Container, Namespace, Root, Session
from nsorch.cli.websocket import WebSocket

STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
HIGH = 1 << 20
"""Standard input is not read while so many bytes wait to be sent."""


def register(app: typer.Typer) -> None:
    # Without "--" the command begins after the Pod's name; with it, options may stand anywhere before it.
    app.command(context_settings={"allow_interspersed_args": "--" in sys.argv})(exec)


def exec(
    pod: Annotated[str, typer.Argument(metavar="POD|KIND/NAME", show_default=False)] = "",
    command: Annotated[list[str] | None, typer.Argument(metavar="-- COMMAND [ARG...]", show_default=False)] = None,
    container: Container = "",
    namespace: Namespace = "default",
    stdin: Annotated[bool, typer.Option("--stdin", "-i", help="Pass standard input on.")] = False,
    tty: Annotated[bool, typer.Option("--tty", "-t", help="Give the command a terminal.")] = False,
    root: Root = None,
) -> None:
    """Run a command in a Pod.

    The exit status is the command's own.

    \b
    nsorch exec web-1 -- ls /
    nsorch exec -it deploy/web -- sh
    nsorch exec -i web-1 -- tar x -C /data <data.tar
    """
    command = command or []
    if command[:1] == ["--"]:
        command = command[1:]
    if not pod or not command:
        raise CommandFailure("say where and what to run, for example: nsorch exec web-1 -- ls /", 2)
    session = Session(root)
    found = targets.one(session, pod, namespace)
    name = found["metadata"]["name"]
    if tty and not (stdin and os.isatty(0)):
        if stdin:
            print("Unable to use a TTY: standard input is not a terminal", file=sys.stderr)
        tty = tty and not stdin
    query: dict[str, Any] = {
        "container": targets.container(found, container),
        "command": command,
        "stdout": "true",
        "stderr": "false" if tty else "true",
        "stdin": "true" if stdin else "false",
        "tty": "true" if tty else "false",
    }
    path = session.kinds.find("pods").url(namespace, name, "exec")
    told = urlencode(query, doseq=True, errors="surrogateescape")
    socket = WebSocket.open(session.connection, f"{path}?{told}", "v5.channel.k8s.io")
    with _raw(tty and stdin):
        status = _Exchange(socket, name, stdin=stdin, tty=tty).run()
    raise typer.Exit(status)


class _Exchange:
    """Carries bytes both ways until the command has ended."""

    def __init__(self, socket: WebSocket, pod: str, *, stdin: bool, tty: bool) -> None:
        self._socket = socket
        self._pod = pod
        self._stdin = stdin
        self._tty = tty

    def run(self) -> int:
        """The command's exit code."""
        woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._tty:
            signal.set_wakeup_fd(waker)
            signal.signal(signal.SIGWINCH, lambda *_: None)
            self._resize()
        while True:
            # 0 is asked for only while what was read before has been sent
            listened = [woken] + ([0] if self._stdin and self._socket.unsent < HIGH else [])
            ready = self._socket.wait(*listened)
            if woken in ready:
                os.read(woken, 4096)
                self._resize()
            if 0 in ready:
                self._feed()
            if self._socket.fileno() in ready:
                for message in self._socket.receive():
                    code = self._take(message[:1], message[1:])
                    if code is not None:
                        self._socket.close()
                        return code
            if self._socket.ended:
                raise CommandFailure(
                    f"cannot go on in pod/{self._pod}: the daemon went away, the command may still run there"
                )

    def _feed(self) -> None:
        try:
            data = os.read(0, 1 << 16)
        except OSError:
            data = b""
        if data:
            self._socket.send(bytes([STDIN]) + data)
        else:
            self._stdin = False
            self._socket.send(bytes([CLOSE, STDIN]))

    def _take(self, channel: bytes, data: bytes) -> int | None:
        if channel == bytes([STDOUT]):
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        elif channel == bytes([STDERR]):
            sys.stderr.buffer.write(data)
            sys.stderr.buffer.flush()
        elif channel == bytes([ERROR]):
            return exit_code(json.loads(data), self._pod)
        return None

    def _resize(self) -> None:
        size = shutil.get_terminal_size()
        self._socket.send(bytes([RESIZE]) + json.dumps({"Width": size.columns, "Height": size.lines}).encode())


def exit_code(status: dict[str, Any], pod: str) -> int:
    """The exit code that the last message of the stream, a ``metav1.Status``, tells."""
    if status.get("status") == "Success":
        return 0
    for cause in (status.get("details") or {}).get("causes") or ():
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise CommandFailure(f"cannot exec in pod/{pod}: {status.get('message')}")


@contextmanager
def _raw(wanted: bool) -> Iterator[None]:
    """The terminal passes every key on, and is itself again at the end, whatever ends it."""
    if not wanted:
        yield
        return
    saved = termios.tcgetattr(0)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        terminal.setraw(0, termios.TCSADRAIN)  # what was typed ahead is kept
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, saved)
