"""One stored object: its JSON bytes, and the parsed model made from them when somebody asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from nsorch.resources.meta import Resource

Parse = Callable[[str, bytes], Resource]
"""Parses the body of an object of a resource (``deployments.apps``)."""


class Key(NamedTuple):
    """Names one object; ``namespace`` is "" for cluster-scoped kinds."""

    resource: str
    namespace: str
    name: str


class Record:
    """An immutable state of one object. ``body`` is what clients are sent, resourceVersion inside."""

    __slots__ = ("_obj", "_parse", "body", "key", "revision", "uid")

    def __init__(
        self, key: Key, uid: str, revision: int, body: bytes, parse: Parse, obj: Resource | None = None
    ) -> None:
        self.key = key
        self.uid = uid
        self.revision = revision
        self.body = body
        self._parse = parse
        self._obj = obj

    @property
    def resource(self) -> str:
        return self.key.resource

    @property
    def namespace(self) -> str:
        return self.key.namespace

    @property
    def name(self) -> str:
        return self.key.name

    @property
    def obj(self) -> Resource:
        """The parsed model, SHARED by all readers: never change it."""
        if self._obj is None:
            self._obj = self._parse(self.key.resource, self.body)
        return self._obj

    def forget(self) -> None:
        """Drop the parsed model (it is made again when needed): superseded states keep their bytes only."""
        self._obj = None

    def at(self, revision: int) -> Record:
        """The same state under another resourceVersion: the form in which a deletion is reported."""
        body = self.body.replace(b'"resourceVersion":"%d"' % self.revision, b'"resourceVersion":"%d"' % revision, 1)
        return Record(self.key, self.uid, revision, body, self._parse)

    def __repr__(self) -> str:
        return f"Record({self.resource} {self.namespace}/{self.name} @{self.revision})"


ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]


@dataclass(frozen=True, slots=True)
class Change:
    """One durable change. For DELETED, ``record`` is the last state under the deletion's revision."""

    type: ChangeType
    record: Record
    previous: Record | None = None

    @property
    def revision(self) -> int:
        return self.record.revision

    @property
    def size(self) -> int:
        """Bytes that the journal keeps alive because of this change."""
        return len(self.record.body) + 300
