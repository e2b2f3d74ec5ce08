"""Content negotiation: what the client accepts, what its body is.

``Accept`` may ask for another shape of the same answer: ``application/json;as=Table;v=v1;g=meta.k8s.io``. Clauses are
tried by their q, then by their order; a clause that cannot be served is skipped, and 406 is answered only if none is
left. Protobuf is only read, not written: Go clients that ask for it always accept JSON as their second choice.
Source: k8s.io/apiserver ``pkg/endpoints/handlers/negotiation``.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

import yaml

from nsorch.api.failures import Failure, not_acceptable, unsupported_media_type
from nsorch.api.protobuf import MEDIA_TYPE as PROTOBUF

JSON = "application/json"
YAML = "application/yaml"

_OFFERS = {JSON: JSON, YAML: YAML, "application/x-yaml": YAML, "text/yaml": YAML}

TABLE = "Table"
PARTIAL = "PartialObjectMetadata"
PARTIAL_LIST = "PartialObjectMetadataList"

META_GROUP = "meta.k8s.io"
DISCOVERY_GROUP = "apidiscovery.k8s.io"

_VERSIONS = {
    (META_GROUP, TABLE): ("v1", "v1beta1"),
    (META_GROUP, PARTIAL): ("v1", "v1beta1"),
    (META_GROUP, PARTIAL_LIST): ("v1", "v1beta1"),
    (DISCOVERY_GROUP, "APIGroupDiscoveryList"): ("v2", "v2beta1"),
}


@dataclass(frozen=True, slots=True)
class Clause:
    """One media range of an ``Accept`` header, with its parameters."""

    media_type: str
    parameters: tuple[tuple[str, str], ...] = ()
    quality: float = 1.0

    def parameter(self, name: str) -> str:
        return next((value for key, value in self.parameters if key == name), "")


@dataclass(frozen=True, slots=True)
class Format:
    """The chosen answer: ``media_type`` JSON or YAML; ``shape`` "" for the object itself, or ``Table`` and its like, of
    ``group`` and ``version``."""

    media_type: str = JSON
    shape: str = ""
    group: str = ""
    version: str = ""

    @property
    def yaml(self) -> bool:
        return self.media_type == YAML

    @property
    def api_version(self) -> str:
        """``apiVersion`` of the shape, for example ``meta.k8s.io/v1``."""
        return f"{self.group}/{self.version}"

    @property
    def content_type(self) -> str:
        """The response's Content-Type. Discovery clients require to see there the shape that they got."""
        if self.group == DISCOVERY_GROUP:
            return f"{self.media_type};g={self.group};v={self.version};as={self.shape}"
        return self.media_type


@lru_cache(maxsize=256)
def parse_accept(header: str) -> tuple[Clause, ...]:
    """The clauses of an ``Accept`` header, best first; clauses with ``q=0`` are left out."""
    clauses = []
    for text in header.split(","):
        media_type, *pairs = (part.strip() for part in text.split(";"))
        if not media_type:
            continue
        quality = 1.0
        parameters = []
        for pair in pairs:
            name, _, value = pair.partition("=")
            name, value = name.strip().lower(), value.strip().strip('"')
            if name == "q":
                try:
                    quality = float(value)
                except ValueError:
                    quality = 0.0
            elif name:
                parameters.append((name, value))
        if quality > 0:
            clauses.append(Clause(media_type.lower(), tuple(parameters), quality))
    return tuple(sorted(clauses, key=lambda clause: -clause.quality))


def negotiate(accept: str | None, shapes: Collection[str] = ()) -> Format:
    """The best answer for an ``Accept`` header among JSON and YAML and the ``shapes`` that this response can take.

    Raises Failure 406 if the client accepts none.
    """
    if not accept or not accept.strip():
        return Format()
    for clause in parse_accept(accept):
        media_type = _OFFERS.get(clause.media_type)
        if media_type is None and clause.media_type in ("*/*", "application/*"):
            media_type = JSON
        if media_type is None:
            continue
        shape = clause.parameter("as")
        if not shape:
            return Format(media_type)
        group, version = clause.parameter("g"), clause.parameter("v")
        if shape in shapes and version in _VERSIONS.get((group, shape), ()):
            return Format(media_type, shape, group, version)
    raise _refuse()


def negotiate_list(accept: str | None) -> Format:
    """For a collection: itself, a Table or PartialObjectMetadataList."""
    return negotiate(accept, (TABLE, PARTIAL_LIST))


def negotiate_object(accept: str | None) -> Format:
    """For one object, also within watch events: itself, a Table or PartialObjectMetadata."""
    return negotiate(accept, (TABLE, PARTIAL))


def render(body: bytes, form: Format) -> bytes:
    """JSON bytes in the chosen media type."""
    if form.media_type != YAML:
        return body
    return yaml.safe_dump(json.loads(body), sort_keys=False, allow_unicode=True).encode()


def body_type(content_type: str | None) -> str:
    """JSON, YAML or protobuf, for a request body's Content-Type; absent means JSON. Raises Failure 415 for others."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    # Python's and curl's defaults for a body of unstated type are taken as unstated.
    if media_type in ("", "application/octet-stream"):
        return JSON
    known = PROTOBUF if media_type == PROTOBUF else _OFFERS.get(media_type)
    if known is None:
        raise unsupported_media_type((JSON, YAML, PROTOBUF))
    return known


def _refuse() -> Failure:
    return not_acceptable((JSON, YAML))
