"""``metav1``: the metadata that every object carries, and the wrappers of the API machinery.

Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from nsorch.resources.base import Model

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""``metav1.Time`` and ``MicroTime``: RFC 3339 text, kept as written; validated, never re-formatted."""


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
    generation: int | None = None
    creationTimestamp: Time | None = None
    deletionTimestamp: Time | None = None
    deletionGracePeriodSeconds: int | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    ownerReferences: list[OwnerReference] | None = None
    finalizers: list[str] | None = None
    managedFields: list[ManagedFieldsEntry] | None = None


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
