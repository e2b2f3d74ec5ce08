"""``metav1``: the metadata that every object carries, and the wrappers of the API machinery.

Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from nsorch.resources.base import Model
from nsorch.resources.merging import ATOMIC, MERGE_BY_UID, SET_MERGE
from nsorch.resources.scalars import Int64

RFC3339 = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$"

Time = Annotated[str, Field(pattern=RFC3339, json_schema_extra={"format": "date-time"})]
"""``metav1.Time``: RFC 3339 text in seconds, kept as written; validated, never re-formatted."""

MicroTime = Annotated[str, Field(pattern=RFC3339, json_schema_extra={"format": "micro-time"})]
"""``metav1.MicroTime``: the same with microseconds."""


class OwnerReference(Model):
    """Names the object that owns this one (same namespace or cluster-scoped)."""

    apiVersion: str
    kind: str
    name: str
    uid: str
    controller: bool | None = None
    blockOwnerDeletion: bool | None = None


class ManagedFieldsEntry(Model):
    """Which manager set which fields, with which operation."""

    manager: str | None = None
    operation: str | None = None
    apiVersion: str | None = None
    time: Time | None = None
    fieldsType: str | None = None
    fieldsV1: dict[str, Any] | None = None
    subresource: str | None = None


class ObjectMeta(Model):
    """Metadata of a persisted object."""

    name: str | None = None
    generateName: str | None = None
    namespace: str | None = None
    selfLink: str | None = None
    uid: str | None = None
    resourceVersion: str | None = None
    generation: Int64 | None = None
    creationTimestamp: Time | None = None
    deletionTimestamp: Time | None = None
    deletionGracePeriodSeconds: Int64 | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    ownerReferences: Annotated[list[OwnerReference] | None, MERGE_BY_UID] = None
    finalizers: Annotated[list[str] | None, SET_MERGE] = None
    managedFields: Annotated[list[ManagedFieldsEntry] | None, ATOMIC] = None


class Resource(Model):
    """An object of the API: has ``apiVersion``, ``kind`` and ``metadata``. Subclasses set GROUP_VERSION and KIND."""

    GROUP_VERSION: ClassVar[str]
    KIND: ClassVar[str]

    apiVersion: str | None = None
    kind: str | None = None
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)

    @property
    def name(self) -> str:
        """``metadata.name``; every stored object has one."""
        return self.metadata.name or ""

    @property
    def namespace(self) -> str | None:
        """``metadata.namespace``; None for cluster-scoped kinds."""
        return self.metadata.namespace

    @property
    def uid(self) -> str:
        """``metadata.uid``; every stored object has one."""
        return self.metadata.uid or ""

    @property
    def key(self) -> str:
        """``NAMESPACE/NAME``, or ``NAME`` where cluster-scoped: for queues and logs."""
        return f"{self.metadata.namespace}/{self.name}" if self.metadata.namespace else self.name

    @property
    def terminating(self) -> bool:
        """Whether deletion has been asked for."""
        return self.metadata.deletionTimestamp is not None

    def controller(self) -> OwnerReference | None:
        """The one ownerReference with ``controller: true``."""
        for owner in self.metadata.ownerReferences or ():
            if owner.controller:
                return owner
        return None
