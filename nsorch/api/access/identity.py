"""Who stands behind a request.

Unix socket: root only, as the kernel says (SO_PEERCRED). HTTPS: the client certificate, whose common name is the user
and whose organisations are the groups; else the bearer token. Without either the user is anonymous.
"""

from __future__ import annotations

import os
import socket
import ssl
import struct
from collections.abc import Callable
from typing import Any

from aiohttp import web

from nsorch.api import failures
from nsorch.api.access.user import ANONYMOUS, AUTHENTICATED, MASTERS, User

_CREDENTIALS = struct.Struct("3i")
"""``struct ucred``: pid, uid, gid."""

Bearers = Callable[[str], User | None]
"""The user of a bearer token; None if it is no good."""


def identify(request: web.Request, bearers: Bearers) -> User:
    """The user of a request; Failure 401 if the peer on the unix socket is not root, or the token is no good."""
    transport = request.transport
    if transport is None:
        raise failures.unauthorized()
    tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    if tls is not None:
        user = of_certificate(tls.getpeercert())
        return user if user is not ANONYMOUS else of_token(request, bearers)
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


def of_token(request: web.Request, bearers: Bearers) -> User:
    """The user of the bearer token in ``Authorization``; anonymous if there is none, Failure 401 if it is no good."""
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        return ANONYMOUS
    user = bearers(token.strip())
    if user is None:
        raise failures.unauthorized()
    return user
