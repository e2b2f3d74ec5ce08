"""``JSONSchemaProps``: the schema of a custom kind, as it stands in its definition.

Source: https://kubernetes.io/docs/reference/kubernetes-api/extend-resources/custom-resource-definition-v1/#JSONSchemaProps
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, PlainSerializer

from nsorch.resources.base import Model
from nsorch.resources.merging import ATOMIC, MERGE_BY_RULE
from nsorch.resources.scalars import Int64

Number = Annotated[float, PlainSerializer(lambda value: int(value) if value.is_integer() else value)]
"""A number; one without a fraction is written without a point, as Go does."""


class ExternalDocumentation(Model):
    """Where more is written about a schema."""

    description: str | None = None
    """What is written there."""
    url: str | None = None
    """Where it is written."""


class ValidationRule(Model):
    """A rule in the Common Expression Language."""

    fieldPath: str | None = None
    """The field that a refusal names, relative to the place of the rule: .spec.replicas"""
    message: str | None = None
    """What to say when the rule is broken."""
    messageExpression: str | None = None
    """An expression whose text is said when the rule is broken; comes before message."""
    optionalOldSelf: bool | None = None
    """Whether oldSelf is an optional value, so that the rule holds for new objects too."""
    reason: str | None = None
    """FieldValueInvalid (the default), FieldValueForbidden, FieldValueRequired or FieldValueDuplicate."""
    rule: str
    """The expression; true where the value is right. self is the value, oldSelf what it replaces."""


class JSONSchemaProps(Model):
    """A schema in the dialect of OpenAPI v3 that Kubernetes calls structural."""

    ref: str | None = Field(default=None, alias="$ref")
    """Not supported."""
    schema_: str | None = Field(default=None, alias="$schema")
    """Not supported."""
    additionalItems: JSONSchemaProps | bool | None = None
    """Not supported."""
    additionalProperties: JSONSchemaProps | bool | None = None
    """The schema of a map's values."""
    allOf: Annotated[list[JSONSchemaProps] | None, ATOMIC] = None
    """All of these must hold."""
    anyOf: Annotated[list[JSONSchemaProps] | None, ATOMIC] = None
    """At least one of these must hold."""
    default: Any = None
    """The value where none is given."""
    definitions: dict[str, JSONSchemaProps] | None = None
    """Not supported."""
    dependencies: dict[str, Any] | None = None
    """Not supported."""
    description: str | None = None
    """What the value means; kubectl explain shows it."""
    enum: Annotated[list[Any] | None, ATOMIC] = None
    """The allowed values."""
    example: Any = None
    """A value as an example."""
    exclusiveMaximum: bool | None = None
    """Whether the maximum itself is too much."""
    exclusiveMinimum: bool | None = None
    """Whether the minimum itself is too little."""
    externalDocs: ExternalDocumentation | None = None
    """Where more is written."""
    format: str | None = None
    """What a text or number looks like: date-time, int32, ipv4, uri, uuid and others; unknown ones are ignored."""
    id: str | None = None
    """Not supported."""
    items: JSONSchemaProps | None = None
    """The schema of a list's elements."""
    maxItems: Int64 | None = None
    """The most elements."""
    maxLength: Int64 | None = None
    """The most characters."""
    maxProperties: Int64 | None = None
    """The most fields."""
    maximum: Number | None = None
    """The largest number."""
    minItems: Int64 | None = None
    """The fewest elements."""
    minLength: Int64 | None = None
    """The fewest characters."""
    minProperties: Int64 | None = None
    """The fewest fields."""
    minimum: Number | None = None
    """The smallest number."""
    multipleOf: Number | None = None
    """The number is a multiple of this."""
    not_: JSONSchemaProps | None = Field(default=None, alias="not")
    """This must not hold."""
    nullable: bool | None = None
    """Whether null is a value."""
    oneOf: Annotated[list[JSONSchemaProps] | None, ATOMIC] = None
    """Exactly one of these must hold."""
    pattern: str | None = None
    """A regular expression (RE2) that occurs in the text."""
    patternProperties: dict[str, JSONSchemaProps] | None = None
    """Not supported."""
    properties: dict[str, JSONSchemaProps] | None = None
    """The fields of an object."""
    required: Annotated[list[str] | None, ATOMIC] = None
    """The fields that must be there."""
    title: str | None = None
    """A title."""
    type: str | None = None
    """object, array, string, integer, number or boolean."""
    uniqueItems: bool | None = None
    """Not supported if true: use x-kubernetes-list-type: set."""
    x_embedded: bool | None = Field(default=None, alias="x-kubernetes-embedded-resource")
    """The value is an object of the API, with apiVersion, kind and metadata."""
    x_int_or_string: bool | None = Field(default=None, alias="x-kubernetes-int-or-string")
    """The value is a number or a text."""
    x_list_map_keys: Annotated[list[str] | None, ATOMIC] = Field(default=None, alias="x-kubernetes-list-map-keys")
    """The fields that tell the elements of a list of type map apart."""
    x_list_type: str | None = Field(default=None, alias="x-kubernetes-list-type")
    """How server-side apply merges the list: atomic, set or map."""
    x_map_type: str | None = Field(default=None, alias="x-kubernetes-map-type")
    """How server-side apply merges the object: granular or atomic."""
    x_preserve: bool | None = Field(default=None, alias="x-kubernetes-preserve-unknown-fields")
    """Fields that the schema does not name are kept."""
    x_validations: Annotated[list[ValidationRule] | None, MERGE_BY_RULE] = Field(
        default=None, alias="x-kubernetes-validations"
    )
    """Rules in the Common Expression Language."""
