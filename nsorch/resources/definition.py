"""CustomResourceDefinition (apiextensions.k8s.io/v1): a kind of one's own."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from nsorch.resources.base import Model
from nsorch.resources.jsonschema import JSONSchemaProps
from nsorch.resources.merging import ATOMIC, LISTED_BY_TYPE
from nsorch.resources.meta import Resource, Time
from nsorch.resources.scalars import Base64, Int32


class CustomResourceColumnDefinition(Model):
    """A column of kubectl get."""

    description: str | None = None
    """What the column shows."""
    format: str | None = None
    """How the values look: int32, date-time and others."""
    jsonPath: str
    """Where the value stands in the object: .spec.replicas"""
    name: str
    """The title."""
    priority: Int32 | None = None
    """0: always shown; higher: with -o wide."""
    type: str
    """integer, number, string, boolean or date (shown as an age)."""


class ServiceReference(Model):
    """A Service that answers webhooks."""

    name: str
    """The name of the Service."""
    namespace: str
    """The Namespace of the Service."""
    path: str | None = None
    """The path of the URL."""
    port: Int32 | None = None
    """The port of the Service. Defaults to 443."""


class WebhookClientConfig(Model):
    """How to reach a webhook."""

    caBundle: Base64 | None = None
    """The certificates that the webhook's own is checked against."""
    service: ServiceReference | None = None
    """The Service that answers."""
    url: str | None = None
    """Where the webhook is, if it is no Service."""


class WebhookConversion(Model):
    """Conversion by a webhook."""

    clientConfig: WebhookClientConfig | None = None
    """How to reach the webhook."""
    conversionReviewVersions: Annotated[list[str], ATOMIC]
    """The versions of ConversionReview that the webhook understands."""


class CustomResourceConversion(Model):
    """How objects change between versions."""

    strategy: str
    """None: only apiVersion changes."""
    webhook: WebhookConversion | None = None
    """Not supported on this host."""


class CustomResourceDefinitionNames(Model):
    """What the kind is called."""

    categories: Annotated[list[str] | None, ATOMIC] = None
    """Groups of kinds that it belongs to, such as all."""
    kind: str
    """The kind, such as CronTab."""
    listKind: str | None = None
    """The kind of its lists. Defaults to KINDList."""
    plural: str
    """The plural in lower case, as in URLs: crontabs."""
    shortNames: Annotated[list[str] | None, ATOMIC] = None
    """Short names for kubectl."""
    singular: str | None = None
    """The singular in lower case. Defaults to the kind."""


class CustomResourceSubresourceStatus(Model):
    """The status subresource: status is written apart from everything else."""


class CustomResourceSubresourceScale(Model):
    """The scale subresource: where the numbers of replicas stand."""

    labelSelectorPath: str | None = None
    """Where the label selector of the replicas stands, as text."""
    specReplicasPath: str
    """Where the wanted number of replicas stands: .spec.replicas"""
    statusReplicasPath: str
    """Where the present number of replicas stands: .status.replicas"""


class CustomResourceSubresources(Model):
    """What can be read and written beside the object itself."""

    scale: CustomResourceSubresourceScale | None = None
    """The number of replicas."""
    status: CustomResourceSubresourceStatus | None = None
    """The status."""


class CustomResourceValidation(Model):
    """What the objects look like."""

    openAPIV3Schema: JSONSchemaProps | None = None
    """The schema of an object."""


class SelectableField(Model):
    """A field that field selectors may name."""

    jsonPath: str
    """Where the field stands: .spec.color"""


class CustomResourceDefinitionVersion(Model):
    """One version of the kind."""

    additionalPrinterColumns: Annotated[list[CustomResourceColumnDefinition] | None, ATOMIC] = None
    """The columns of kubectl get after the name. Without any: the age."""
    deprecated: bool | None = None
    """Whether requests of this version get a warning."""
    deprecationWarning: str | None = None
    """The warning, if another than the usual one."""
    name: str
    """The name of the version, such as v1."""
    schema_: CustomResourceValidation | None = Field(default=None, alias="schema")
    """What the objects look like."""
    selectableFields: Annotated[list[SelectableField] | None, ATOMIC] = None
    """Fields that field selectors may name."""
    served: bool
    """Whether the version can be used."""
    storage: bool
    """Whether objects are stored in this version; true of exactly one."""
    subresources: CustomResourceSubresources | None = None
    """What can be read and written beside the object itself."""


class CustomResourceDefinitionSpec(Model):
    """A kind of one's own."""

    conversion: CustomResourceConversion | None = None
    """How objects change between versions. Defaults to None: only apiVersion changes."""
    group: str
    """The API group, such as stable.example.com."""
    names: CustomResourceDefinitionNames
    """What the kind is called."""
    preserveUnknownFields: bool | None = None
    """Must be false."""
    scope: str
    """Namespaced or Cluster."""
    versions: Annotated[list[CustomResourceDefinitionVersion], ATOMIC]
    """All versions, one of which is stored."""


class CustomResourceDefinitionCondition(Model):
    """One thing that is or is not so of a definition."""

    lastTransitionTime: Time | None = None
    """When the status changed."""
    message: str | None = None
    """Why, for people."""
    reason: str | None = None
    """Why, in one word."""
    status: str
    """True, False or Unknown."""
    type: str
    """Established, NamesAccepted or Terminating."""


class CustomResourceDefinitionStatus(Model):
    """What has become of a definition."""

    acceptedNames: CustomResourceDefinitionNames | None = None
    """The names that are in use."""
    conditions: Annotated[list[CustomResourceDefinitionCondition] | None, LISTED_BY_TYPE] = None
    """What is and is not so."""
    storedVersions: Annotated[list[str] | None, ATOMIC] = None
    """Versions in which objects were ever stored."""


class CustomResourceDefinition(Resource):
    """A kind of one's own: its names, versions and schemas. Its name is PLURAL.GROUP."""

    GROUP_VERSION: ClassVar[str] = "apiextensions.k8s.io/v1"
    KIND: ClassVar[str] = "CustomResourceDefinition"

    spec: CustomResourceDefinitionSpec
    status: CustomResourceDefinitionStatus | None = None

    def holds(self, condition: str) -> bool:
        """Whether a condition is True."""
        conditions = self.status.conditions if self.status is not None else None
        return any(one.type == condition and one.status == "True" for one in conditions or ())
