"""The gate that every request passes: who asks, as whom he acts, whether he may."""

from __future__ import annotations

from aiohttp import web

from nsorch.api import failures
from nsorch.api.access.attributes import Attributes, of_request
from nsorch.api.access.authorizer import Authorizer
from nsorch.api.access.identity import Bearers, identify
from nsorch.api.access.impersonation import impersonated
from nsorch.api.access.refusals import forbidden
from nsorch.api.access.user import ANONYMOUS, MASTERS, User

OPEN = ("/version", "/healthz", "/livez", "/readyz")
"""Paths, with everything below them, that need no identity."""
_NAMED = "metadata.name="


class Gate:
    """``pass_(request)`` is the user that a request acts as, or Failure 401 or 403."""

    def __init__(self, authorizer: Authorizer, bearers: Bearers) -> None:
        self._authorizer = authorizer
        self._bearers = bearers

    def pass_(self, request: web.Request) -> User:
        user = impersonated(identify(request, self._bearers), request.headers, self._authorizer)
        if MASTERS not in user.groups:
            self.authorize(user, request.method, request.path, asked_of(request))
        return user

    def authorize(self, user: User, method: str, path: str, asked: Attributes) -> None:
        """Failure 401 or 403 unless the user may."""
        if method in ("GET", "HEAD") and any(path == free or path.startswith(free + "/") for free in OPEN):
            return
        if self._authorizer.allows(user, asked):
            return
        if user == ANONYMOUS:
            raise failures.unauthorized()
        raise forbidden(user, asked)


def asked_of(request: web.Request) -> Attributes:
    """What a request asks to do."""
    query = request.query
    watch = query.get("watch", "") in ("1", "t", "T", "true", "TRUE", "True")
    selector = query.get("fieldSelector", "")
    name = selector.removeprefix(_NAMED).lstrip("=") if selector.startswith(_NAMED) and "," not in selector else ""
    return of_request(request.method, request.path, watch=watch, name=name)
