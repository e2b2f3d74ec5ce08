"""Who stands behind a connection, and whether they may.

Unix socket: root only, as the kernel says (SO_PEERCRED). HTTPS: the client certificate, whose common name is the user
and whose organisations are the groups. Without one the user is anonymous.
"""

from __future__ import annotations

import os
import socket
import ssl
import struct
from typing import Any

from aiohttp import web

from nsorch.api import failures
from nsorch.api.call import User

MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"
ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))

_CREDENTIALS = struct.Struct("3i")
"""``struct ucred``: pid, uid, gid."""


def identify(request: web.Request) -> User:
    """The user of a request; Failure 401 if the peer on the unix socket is not root."""
    transport = request.transport
    if transport is None:
        raise failures.unauthorized()
    tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    if tls is not None:
        return of_certificate(tls.getpeercert())
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family == socket.AF_UNIX:
        _, uid, _ = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
        # Whoever runs the daemon may speak to it: root in service, a test's own user in tests.
        if uid in (0, os.geteuid()):
            return User("system:admin", (MASTERS, AUTHENTICATED))
        raise failures.unauthorized(f"only root may use this socket, not uid {uid}")
    return ANONYMOUS


def of_certificate(certificate: Any) -> User:
    """The user that a verified client certificate names."""
    if not certificate:
        return ANONYMOUS
    names: list[tuple[str, str]] = [pair for part in certificate.get("subject", ()) for pair in part]
    user = next((value for key, value in names if key == "commonName"), "")
    groups = tuple(value for key, value in names if key == "organizationName")
    return User(user, (*groups, AUTHENTICATED)) if user else ANONYMOUS


def authorize(user: User, method: str, path: str, open_paths: tuple[str, ...]) -> None:
    """Failure 401 or 403 unless the user may. Only members of system:masters have rights so far."""
    if any(path == free or path.startswith(free + "/") for free in open_paths) and method in ("GET", "HEAD"):
        return
    if MASTERS in user.groups:
        return
    if user == ANONYMOUS:
        raise failures.unauthorized()
    verb = method.lower()
    raise failures.Failure(403, "Forbidden", f'forbidden: User "{user.name}" cannot {verb} path "{path}"')
