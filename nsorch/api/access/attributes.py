"""What a request asks to do, as authorization sees it. Read from method and path alone, so that a path that is not
served is told apart only for those who may ask.

Source: k8s.io/apiserver ``pkg/endpoints/request/requestinfo.go``.
"""

from __future__ import annotations

from dataclasses import dataclass

_VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_OF_NAMESPACES = ("status", "finalize")


@dataclass(frozen=True, slots=True)
class Attributes:
    """A verb upon a resource, or upon a ``path`` that is none (then ``resource`` is "")."""

    verb: str
    path: str = ""
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""

    @property
    def full_resource(self) -> str:
        """``pods/log``."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def of_request(method: str, path: str, *, watch: bool = False, name: str = "") -> Attributes:
    """The attributes of a request. ``name`` is the one a list is narrowed to by its field selector."""
    parts = [part for part in path.split("/") if part]
    head = {"api": 2, "apis": 3}.get(parts[0], 0) if parts else 0
    if not head or len(parts) <= head:
        return Attributes(method.lower(), path)
    group, rest = "" if head == 2 else parts[1], parts[head:]
    verb = _VERBS.get(method, method.lower())
    if rest[0] == "watch" and len(rest) > 1:
        watch, rest = True, rest[1:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _OF_NAMESPACES:
            rest = rest[2:]
    named = rest[1] if len(rest) > 1 else ""
    subresource = rest[2] if len(rest) > 2 else ""
    if not named:
        if verb == "get":
            verb, named = "watch" if watch else "list", name
        elif verb == "delete":
            verb = "deletecollection"
    elif verb == "get" and watch and not subresource:
        verb = "watch"
    return Attributes(verb, path, group, rest[0], subresource, namespace, named)
