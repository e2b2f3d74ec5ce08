"""Everything the API refuses, as one exception that is a ``metav1.Status``: right code, reason, causes and wording.

Source of codes, reasons and wording: k8s.io/apimachinery ``pkg/api/errors/errors.go``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from nsorch.resources.client import ClientError
from nsorch.resources.registry import Cause, Kind


class Failure(ClientError):
    """A refused request. ``details`` is ``metav1.StatusDetails`` as JSON-like data."""

    def __init__(self, code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(code, reason, message)
        self.details = details or {}
        self.metadata: dict[str, Any] = {}
        """``metav1.ListMeta`` of the Status: the token with which a list that expired may go on."""
        self.headers: dict[str, str] = {}
        """Of the response."""

    def status(self) -> dict[str, Any]:
        """The ``metav1.Status`` document."""
        document: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": self.metadata,
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
        }
        if self.details:
            document["details"] = self.details
        document["code"] = self.code
        return document

    def to_json(self) -> bytes:
        return json.dumps(self.status()).encode() + b"\n"


def success(kind: Kind[Any], name: str, uid: str) -> dict[str, Any]:
    """The ``metav1.Status`` of a finished deletion."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": _details(kind, name) | ({"uid": uid} if uid else {}),
    }


def _details(kind: Kind[Any], name: str = "") -> dict[str, Any]:
    details: dict[str, Any] = {}
    if name:
        details["name"] = name
    if kind.group:
        details["group"] = kind.group
    details["kind"] = kind.plural
    return details


def bad_request(message: str) -> Failure:
    """400: the request cannot be understood."""
    return Failure(400, "BadRequest", message)


def unauthorized(message: str = "Unauthorized") -> Failure:
    """401: who is asking is unknown."""
    return Failure(401, "Unauthorized", message)


def forbidden(kind: Kind[Any], name: str, why: str) -> Failure:
    """403 for one object: ``pods "x" is forbidden: WHY``."""
    return Failure(403, "Forbidden", f'{kind.resource} "{name}" is forbidden: {why}', _details(kind, name))


def not_found(kind: Kind[Any], name: str) -> Failure:
    """404 for one object: ``deployments.apps "x" not found``."""
    return Failure(404, "NotFound", f'{kind.resource} "{name}" not found', _details(kind, name))


def unknown_path() -> Failure:
    """404 for a path that the server does not serve."""
    return Failure(404, "NotFound", "the server could not find the requested resource")


def method_not_allowed(what: str = "", allowed: Sequence[str] = ()) -> Failure:
    """405: the path is served, but not for this verb; those that are ``allowed`` are told in a header."""
    message = "the server does not allow this method on the requested resource"
    failure = Failure(405, "MethodNotAllowed", f"{message} ({what})" if what else message)
    if allowed:
        failure.headers["Allow"] = ", ".join(allowed)
    return failure


def not_acceptable(offers: Sequence[str]) -> Failure:
    """406: none of the offered media types is accepted by the client."""
    return Failure(406, "NotAcceptable", "only the following media types are accepted: " + ", ".join(offers))


def already_exists(kind: Kind[Any], name: str) -> Failure:
    """409: ``pods "x" already exists``."""
    return Failure(409, "AlreadyExists", f'{kind.resource} "{name}" already exists', _details(kind, name))


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def conflict(kind: Kind[Any], name: str, why: str = MODIFIED) -> Failure:
    """409: ``Operation cannot be fulfilled on pods "x": WHY``."""
    message = f'Operation cannot be fulfilled on {kind.resource} "{name}": {why}'
    return Failure(409, "Conflict", message, _details(kind, name))


def expired(message: str) -> Failure:
    """410: the asked resourceVersion has been compacted."""
    return Failure(410, "Expired", message)


def too_large(limit: int) -> Failure:
    """413: the body exceeds ``limit`` bytes."""
    return Failure(413, "RequestEntityTooLarge", f"Request entity too large: limit is {limit}")


def unsupported_media_type(offers: Sequence[str]) -> Failure:
    """415: the body's Content-Type is not one of ``offers``."""
    message = "the body of the request was in an unknown format - accepted media types include: " + ", ".join(offers)
    return Failure(415, "UnsupportedMediaType", message)


def invalid(kind: Kind[Any], name: str, causes: Sequence[Cause]) -> Failure:
    """422: ``Deployment.apps "x" is invalid: spec.replicas: Invalid value: ...``; several causes in brackets."""
    texts = list(dict.fromkeys(f"{cause.field}: {cause.message}" for cause in causes))
    text = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
    qualified = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    details = _details(kind, name) | {
        "kind": kind.kind,
        "causes": [{"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in causes],
    }
    return Failure(422, "Invalid", f'{qualified} "{name}" is invalid: {text}', details)


def invalid_options(name: str, causes: Sequence[Cause]) -> Failure:
    """422 for query parameters or a body of options: ``ListOptions.meta.k8s.io "" is invalid: limit: ...``."""
    texts = [f"{cause.field}: {cause.message}" for cause in causes]
    text = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
    listed = [{"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in causes]
    details = {"group": "meta.k8s.io", "kind": name, "causes": listed}
    return Failure(422, "Invalid", f'{name}.meta.k8s.io "" is invalid: {text}', details)


def too_many_requests(message: str, retry_seconds: int = 0, causes: Sequence[Cause] = ()) -> Failure:
    """429, as an eviction that may not happen now."""
    details: dict[str, Any] = {}
    if retry_seconds:
        details["retryAfterSeconds"] = retry_seconds
    if causes:
        details["causes"] = [{"reason": cause.reason, "message": cause.message} for cause in causes]
    return Failure(429, "TooManyRequests", message, details)


def internal(message: str) -> Failure:
    """500: the fault is ours; ``message`` never carries a traceback."""
    return Failure(500, "InternalError", f"Internal error occurred: {message}")


def unavailable(message: str) -> Failure:
    """503: not now (for example while stopping)."""
    return Failure(503, "ServiceUnavailable", message)


def timeout(message: str) -> Failure:
    """504: it took too long."""
    return Failure(504, "Timeout", message)
