"""Other shapes of an answer: the server-side Table that ``kubectl get`` prints, and PartialObjectMetadata.

Columns come from the registry row of the kind. Answers are written as bytes directly: a list of thousands of objects
must not be built a second time as Python data. Source: k8s.io/apimachinery ``meta/v1`` Table.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from nsorch.api.failures import bad_request
from nsorch.resources.meta import Resource
from nsorch.resources.registry import Column, Kind

Include = Literal["Metadata", "None", "Object"]

META_V1 = "meta.k8s.io/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListMeta:
    """``metav1.ListMeta`` of an answer."""

    resource_version: str = ""
    continue_: str = ""
    remaining: int | None = None

    def to_json(self) -> bytes:
        document: dict[str, Any] = {}
        if self.resource_version:
            document["resourceVersion"] = self.resource_version
        if self.continue_:
            document["continue"] = self.continue_
        if self.remaining is not None:
            document["remainingItemCount"] = self.remaining
        return json.dumps(document, separators=(",", ":")).encode()


def include_object(text: str) -> Include:
    """The ``includeObject`` query parameter; Failure 400 if it is none of Metadata, None, Object."""
    match text:
        case "" | "Metadata":
            return "Metadata"
        case "None":
            return "None"
        case "Object":
            return "Object"
        case _:
            raise bad_request(f'unrecognized includeObject value: "{text}"')


def table(
    kind: Kind[Any],
    objects: Iterable[Resource],
    now: float,
    *,
    include: Include = "Metadata",
    meta: ListMeta | None = None,
    with_columns: bool = True,
    api_version: str = META_V1,
) -> bytes:
    """A Table of ``objects``; ``now`` in seconds, for ages. ``with_columns`` is false in a watch after its first event.

    ``objects`` are only read.
    """
    meta = meta or ListMeta()
    columns = kind.columns
    rows = []
    for obj in objects:
        cells = json.dumps([column.cell(obj, now) for column in columns], separators=(",", ":")).encode()
        rows.append(b'{"cells":%b,"object":%b}' % (cells, _included(obj, include, api_version)))
    return b'{"kind":"Table","apiVersion":"%b","metadata":%b,"columnDefinitions":%b,"rows":[%b]}\n' % (
        api_version.encode(),
        meta.to_json(),
        column_definitions(kind) if with_columns else b"null",
        b",".join(rows),
    )


def table_of_one(
    kind: Kind[Any],
    obj: Resource,
    now: float,
    *,
    include: Include = "Metadata",
    with_columns: bool = True,
    api_version: str = META_V1,
) -> bytes:
    """The Table of a single object: the answer to GET of one object and the object of a watch event."""
    return table(
        kind,
        (obj,),
        now,
        include=include,
        meta=ListMeta(resource_version=obj.metadata.resourceVersion or ""),
        with_columns=with_columns,
        api_version=api_version,
    )


def partial(obj: Resource, api_version: str = META_V1) -> bytes:
    """``PartialObjectMetadata`` of an object: its metadata alone."""
    return b'{"kind":"PartialObjectMetadata","apiVersion":"%b","metadata":%b}' % (
        api_version.encode(),
        obj.metadata.to_json(),
    )


def partial_list(objects: Iterable[Resource], meta: ListMeta, api_version: str = META_V1) -> bytes:
    """``PartialObjectMetadataList`` of objects."""
    return b'{"kind":"PartialObjectMetadataList","apiVersion":"%b","metadata":%b,"items":[%b]}\n' % (
        api_version.encode(),
        meta.to_json(),
        b",".join(partial(obj, api_version) for obj in objects),
    )


def column_definitions(kind: Kind[Any]) -> bytes:
    """``columnDefinitions`` of a kind as JSON."""
    return _definitions(kind.columns)


@lru_cache(maxsize=256)
def _definitions(columns: tuple[Column[Any], ...]) -> bytes:
    return json.dumps(
        [
            {
                "name": column.name,
                "type": column.type,
                "format": column.format or ("name" if number == 0 and column.name == "Name" else ""),
                "description": column.description,
                "priority": column.priority,
            }
            for number, column in enumerate(columns)
        ],
        separators=(",", ":"),
    ).encode()


def _included(obj: Resource, include: Include, api_version: str) -> bytes:
    if include == "Metadata":
        return partial(obj, api_version)
    if include == "Object":
        return obj.to_json()
    return b"null"
