"""The registry row of CustomResourceDefinition: defaults, strategy, columns."""

from __future__ import annotations

from nsorch.resources import columns
from nsorch.resources.custom.definition_rules import (
    validate_definition,
    validate_definition_status,
    validate_definition_update,
)
from nsorch.resources.definition import (
    CustomResourceConversion,
    CustomResourceDefinition,
    CustomResourceDefinitionStatus,
)
from nsorch.resources.registry import Column, Kind
from nsorch.resources.strategy import generation_on_create, generation_on_update, only_status


def _default(definition: CustomResourceDefinition) -> None:
    spec = definition.spec
    spec.names.singular = spec.names.singular or spec.names.kind.lower()
    spec.names.listKind = spec.names.listKind or f"{spec.names.kind}List"
    if spec.conversion is None:
        spec.conversion = CustomResourceConversion(strategy="None")
    if spec.preserveUnknownFields is False:
        spec.preserveUnknownFields = None


def _create(definition: CustomResourceDefinition) -> None:
    generation_on_create(definition)
    definition.status = CustomResourceDefinitionStatus()
    _note_storage(definition)


def _update(new: CustomResourceDefinition, old: CustomResourceDefinition) -> None:
    new.status = old.status.copy_deep() if old.status is not None else CustomResourceDefinitionStatus()
    generation_on_update(new, old, changed=new.spec != old.spec)
    _note_storage(new)


def _note_storage(definition: CustomResourceDefinition) -> None:
    """A version that is stored from now on may be found in the store for ever."""
    assert definition.status is not None
    stored = definition.status.storedVersions or []
    wanted = [version.name for version in definition.spec.versions if version.storage]
    definition.status.storedVersions = stored + [name for name in wanted if name not in stored]


CUSTOM_RESOURCE_DEFINITION: Kind[CustomResourceDefinition] = Kind(
    model=CustomResourceDefinition,
    plural="customresourcedefinitions",
    namespaced=False,
    short_names=("crd", "crds"),
    categories=("api-extensions",),
    subresources=("status",),
    columns=(
        columns.NAME,
        Column(
            "Created At",
            lambda obj, now: obj.metadata.creationTimestamp,
            type="date",
            description="When it was created.",
        ),
    ),
    default=_default,
    prepare_create=_create,
    prepare_update=_update,
    prepare_status=only_status,
    validate=validate_definition,
    validate_update=validate_definition_update,
    validate_status=validate_definition_status,
)
