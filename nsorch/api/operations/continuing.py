"""Continue tokens: where the next page of a list begins, and at which revision the list is.

The form is Kubernetes' own (base64 of ``{"v":"meta.k8s.io/v1","rv":REVISION,"start":KEY}``); clients must not look inside.
Revision -1 means the newest: such a token is offered when the revision of the first page is no longer kept.
Source: k8s.io/apiserver ``pkg/storage/continue.go`` and ``pkg/storage/etcd3/errors.go``.
"""

from __future__ import annotations

import base64
import json

from nsorch.api import failures
from nsorch.api.failures import Failure
from nsorch.store import Record

VERSION = "meta.k8s.io/v1"
NEWEST = -1

INCONSISTENT = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)


def encode(revision: int, namespace: str | None, last: tuple[str, str]) -> str:
    """The token for what follows the object (namespace, name) in a list of ``namespace`` (None: of all)."""
    within, name = last
    start = f"{within}/{name}" if namespace is None and within else name
    token = json.dumps({"v": VERSION, "rv": revision, "start": start + "\0"}, separators=(",", ":"))
    return base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")


def after(revision: int, namespace: str | None, last: Record) -> str:
    """The token for what follows ``last``."""
    return encode(revision, namespace, (last.namespace, last.name))


def decode(token: str, namespace: str | None) -> tuple[int, tuple[str, str]]:
    """Revision, and (namespace, name) of the last object before the page. Failure 400 on a token of something else."""
    try:
        data = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
    except ValueError as error:
        raise _invalid(f"continue key is not valid: {error}") from None
    if not isinstance(data, dict) or data.get("v") != VERSION:
        raise _invalid("continue key is not valid: server does not recognize this encoded version")
    revision, start = data.get("rv"), data.get("start")
    if not isinstance(revision, int) or isinstance(revision, bool) or revision == 0:
        raise _invalid(f"continue key is not valid: incorrect encoded start resourceVersion (version {VERSION})")
    if not isinstance(start, str) or not start:
        raise _invalid(f"continue key is not valid: encoded start key empty (version {VERSION})")
    within, slash, name = start.rstrip("\0").rpartition("/")
    if "/" in within or (slash and namespace is not None):
        raise _invalid(f"continue key is not valid: {start!r}")
    return revision, (namespace if namespace is not None else within, name)


def expired(namespace: str | None, last: tuple[str, str]) -> Failure:
    """410, with the token that goes on at the newest revision."""
    failure = failures.expired(INCONSISTENT)
    failure.metadata = {"continue": encode(NEWEST, namespace, last)}
    return failure


def _invalid(why: str) -> Failure:
    return failures.bad_request(f"invalid continue token: {why}")
