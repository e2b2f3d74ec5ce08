"""Headers that go on with a proxied request and come back with its answer. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from multidict import CIMultiDict

HOP_BY_HOP = frozenset(
    (
        "connection",
        "proxy-connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
"""They speak of one connection only. Source: RFC 9110, section 7.6.1."""
IDENTITY = frozenset(("authorization", "expect"))
"""Who asks is between client and API; Expect is answered here."""


def is_upgrade(headers: Iterable[tuple[str, str]]) -> bool:
    """Whether the connection is to become something else, as a WebSocket."""
    found = {name.lower(): value for name, value in headers}
    return "upgrade" in found.get("connection", "").lower() and bool(found.get("upgrade"))


def passed_on(headers: Iterable[tuple[str, str]], *, upgrade: bool = False) -> CIMultiDict[str]:
    """Without those of the connection; with ``upgrade``, those that ask for it or grant it stay."""
    every = list(headers)
    named = {
        token.strip().lower() for name, value in every if name.lower() == "connection" for token in value.split(",")
    }
    kept: CIMultiDict[str] = CIMultiDict()
    for name, value in every:
        lower = name.lower()
        if (lower == "upgrade" and upgrade) or (lower not in HOP_BY_HOP and lower not in named):
            kept.add(name, value)
    if upgrade:
        kept["Connection"] = "Upgrade"
    return kept


def of_request(headers: Iterable[tuple[str, str]], client: str, uri: str, *, upgrade: bool) -> CIMultiDict[str]:
    """What the server behind the proxy is sent. ``uri``: the path under which the client sees it."""
    kept = passed_on(headers, upgrade=upgrade)
    for name in list(kept.keys()):
        if name.lower() in IDENTITY or name.lower().startswith("impersonate-"):
            kept.popall(name, None)
    if client:
        before = kept.getall("X-Forwarded-For", [])
        kept["X-Forwarded-For"] = ", ".join([*before, client])
    kept["X-Forwarded-Uri"] = uri
    return kept
