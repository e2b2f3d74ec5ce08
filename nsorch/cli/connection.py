"""HTTP to the daemon on its unix socket: the only way the command line reaches nsorch.

Standard library only, so that a command starts fast.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from nsorch.cli.failure import CommandFailure
from nsorch.kit.paths import DEFAULT_ROOT, Paths

JSON = "application/json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float | None) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class NoDaemon(CommandFailure):
    """Nobody listens on the socket."""


class ApiFailure(CommandFailure):
    """The daemon answered with a ``metav1.Status``; ``answer`` is that document."""

    def __init__(self, code: int, status: Mapping[str, Any]) -> None:
        reason = status.get("reason") or http.client.responses.get(code, "")
        super().__init__(f"{reason}: {status.get('message', '')}" if reason else str(status.get("message")))
        self.code = code
        self.answer = status


class Connection:
    """Requests to one daemon. ``warn`` is called with each ``Warning:`` header's text."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths

    def open(self, timeout: float | None) -> http.client.HTTPConnection:
        """A connection to the daemon; NoDaemon if nobody listens."""
        connection = _UnixConnection(self.paths.api_socket, timeout)
        try:
            connection.connect()
        except (FileNotFoundError, ConnectionRefusedError):
            raise NoDaemon(self._absent()) from None
        except TimeoutError:
            raise CommandFailure(f"cannot open {self.paths.api_socket}: the daemon does not answer") from None
        except PermissionError:
            raise CommandFailure(f"cannot open {self.paths.api_socket}: only root may use it (try sudo)") from None
        except OSError as error:
            raise CommandFailure(f"cannot open {self.paths.api_socket}: {error.strerror or error}") from None
        return connection

    def _absent(self) -> str:
        """Why nobody listens, and the remedy."""
        pid = daemon_pid(self.paths)
        if pid:
            return (
                f"the nsorch daemon of {self.paths.root} (pid {pid}) does not listen yet or is about to end: "
                f"its log is {self.paths.logs / 'daemon.log'}"
            )
        option = "" if self.paths.root == DEFAULT_ROOT else f" --root {self.paths.root}"
        return f"no nsorch daemon is running for {self.paths.root}: start it with `nsorch up{option}`"

    def check(self) -> None:
        """NoDaemon if nobody listens: asked before work that would be in vain."""
        self.open(5).close()

    def alive(self) -> bool:
        """Whether a daemon listens (it may not be ready yet)."""
        try:
            self.open(2).close()
        except NoDaemon:
            return False
        return True

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None,
        body: Any,
        content_type: str,
        accept: str,
        timeout: float | None,
    ) -> http.client.HTTPResponse:
        if query:
            told = {k: v for k, v in query.items() if v not in (None, "")}
            path += "?" + urlencode(told, doseq=True, errors="surrogateescape")
        raw = body if isinstance(body, bytes | type(None)) else json.dumps(body).encode()
        headers = {"Accept": accept, "User-Agent": "nsorch"}
        if raw is not None:
            headers["Content-Type"] = content_type
        connection = self.open(timeout)
        try:
            connection.request(method, path, body=raw, headers=headers)
            response = connection.getresponse()
        except TimeoutError:
            raise CommandFailure(f"cannot {method} {path}: the daemon did not answer within {timeout:g} s") from None
        except (http.client.HTTPException, OSError) as error:
            raise CommandFailure(
                f"cannot {method} {path}: the daemon broke the connection ({str(error).strip()})"
            ) from None
        for warning in response.headers.get_all("Warning") or ():
            parts = warning.split('"')
            warn(parts[1] if len(parts) > 2 else warning)
        if response.status >= 400:
            with response:
                text = _rest(response, method, path)
            raise refusal(response.status, text)
        return response

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        content_type: str = JSON,
        accept: str = JSON,
        timeout: float | None = 60,
    ) -> Any:
        """One request; the answer parsed if it is JSON, else its text."""
        response = self._send(
            method, path, query=query, body=body, content_type=content_type, accept=accept, timeout=timeout
        )
        with response:
            text = _rest(response, method, path)
        return json.loads(text) if JSON in (response.headers.get("Content-Type") or "") else text.decode()

    def stream(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        accept: str = "*/*",
        timeout: float | None = None,
    ) -> Iterator[bytes]:
        """One request whose answer arrives in pieces (logs, watches, progress); a failure if its end is missing."""
        response = self._send(method, path, query=query, body=body, content_type=JSON, accept=accept, timeout=timeout)
        try:
            while chunk := response.read1(65536):
                yield chunk
        except (http.client.HTTPException, OSError):
            raise CommandFailure(_broken(method, path)) from None
        finally:
            response.close()

    def lines(self, method: str, path: str, **options: Any) -> Iterator[Any]:
        """A stream of JSON documents, one a line."""
        rest = b""
        for chunk in self.stream(method, path, **options):
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                if line.strip():
                    yield json.loads(line)
        if rest.strip():
            yield json.loads(rest)


def _rest(response: http.client.HTTPResponse, method: str, path: str) -> bytes:
    try:
        return response.read()
    except (http.client.HTTPException, OSError):
        raise CommandFailure(_broken(method, path)) from None


def _broken(method: str, path: str) -> str:
    return f"the daemon went away before its answer to {method} {path.partition('?')[0]} was complete"


def refusal(code: int, text: bytes) -> ApiFailure:
    """The failure that an answer with an error code stands for."""
    try:
        status = json.loads(text)
    except ValueError:
        status = None
    if not isinstance(status, dict):
        status = {"message": text.decode(errors="replace").strip() or http.client.responses.get(code, str(code))}
    return ApiFailure(code, status)


def daemon_pid(paths: Paths) -> int | None:
    """The process that holds this root as its daemon, whether it listens or not."""
    try:
        pid = int(paths.daemon_pid.read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if b"nsorch.daemon" in words and os.fsencode(paths.root) in words else None


def warn(text: str) -> None:
    """Print a warning on standard error, once each."""
    if text not in _warned:
        _warned.add(text)
        print(f"Warning: {text}", file=sys.stderr)


_warned: set[str] = set()


def segment(text: str) -> str:
    """One path segment, escaped."""
    return quote(text, safe="", errors="surrogateescape")
