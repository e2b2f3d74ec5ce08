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
    """The API version of the owner."""
    kind: str
    """The kind of the owner."""
    name: str
    """The name of the owner."""
    uid: str
    """The uid of the owner."""
    controller: bool | None = None
    """Whether the owner manages this object."""
    blockOwnerDeletion: bool | None = None
    """Whether a foreground deletion of the owner waits for this object."""


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
    """Unique within a namespace; never changes."""
    generateName: str | None = None
    """A prefix from which the server makes a unique name, if name is not set."""
    namespace: str | None = None
    """The scope of the name; never changes."""
    selfLink: str | None = None
    """Deprecated; always empty."""
    uid: str | None = None
    """Unique for all time; set by the server."""
    resourceVersion: str | None = None
    """Changes with every write; sent back to detect conflicts and to resume watches."""
    generation: Int64 | None = None
    """Counts changes of the wanted state."""
    creationTimestamp: Time | None = None
    """When the server created the object."""
    deletionTimestamp: Time | None = None
    """When the object shall be gone; set by a graceful deletion."""
    deletionGracePeriodSeconds: Int64 | None = None
    """Seconds that the object has to end gracefully."""
    labels: dict[str, str] | None = None
    """Keys and values that selectors find the object by."""
    annotations: dict[str, str] | None = None
    """Keys and values that programs keep with the object."""
    ownerReferences: Annotated[list[OwnerReference] | None, MERGE_BY_UID] = None
    """Objects that this one depends on; it is deleted when all of them are gone."""
    finalizers: Annotated[list[str] | None, SET_MERGE] = None
    """Who must finish before the object goes away."""
    managedFields: Annotated[list[ManagedFieldsEntry] | None, ATOMIC] = None
    """Which manager set which fields."""


class Resource(Model):
    """An object of the API: has ``apiVersion``, ``kind`` and ``metadata``. Subclasses set GROUP_VERSION and KIND."""

    GROUP_VERSION: ClassVar[str]
    KIND: ClassVar[str]

    apiVersion: str | None = None
    """Group and version of the kind, such as apps/v1."""
    kind: str | None = None
    """The kind of the object, such as Deployment."""
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    """Name, labels and everything else that every object has."""

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
