"""From a definition to registry rows: one for each version, the stored one first."""

from __future__ import annotations

import json
from collections.abc import Callable, MutableMapping
from dataclasses import replace
from typing import Any

from nsorch.resources.custom import jsonpath
from nsorch.resources.custom.checking import check
from nsorch.resources.custom.defaulting import apply_defaults
from nsorch.resources.custom.definition_rules import schema_of
from nsorch.resources.custom.object import CustomObject, json_copy, model_of, whole_numbers
from nsorch.resources.custom.printing import columns_of
from nsorch.resources.custom.pruning import prune, prune_nulls
from nsorch.resources.custom.rules import check_rules
from nsorch.resources.custom.schema import EMPTY, Schema, has_rules
from nsorch.resources.definition import (
    CustomResourceDefinition,
    CustomResourceDefinitionVersion,
    CustomResourceSubresourceScale,
)
from nsorch.resources.meta_validation import validate_metadata, validate_metadata_update
from nsorch.resources.registry import ALL_VERBS, Cause, Kind, Scaling, Shape, View
from nsorch.resources.strategy import generation_on_create, generation_on_update, only_status

Models = MutableMapping[str, type[CustomObject]]
"""The models of a definition by version: they stay the same while it changes."""


def kinds_of(definition: CustomResourceDefinition, models: Models) -> list[Kind[CustomObject]]:
    """The rows of a definition. ``models`` is filled with those that are new."""
    stored = next(version for version in definition.spec.versions if version.storage)
    own = _row(definition, stored, models)
    rows = [own]
    for version in definition.spec.versions:
        if version is not stored and version.served:
            row = _row(definition, version, models)
            rows.append(replace(row, view=_view(row, own)))
    return rows


def reread(kind: Kind[CustomObject], body: bytes) -> bytes | None:
    """A stored body as the kind has it today (version, pruning, defaults); None where nothing changes."""
    document = json.loads(body)
    document["apiVersion"] = kind.group_version
    assert kind.shape is not None
    kind.shape.settle(document)
    obj = kind.model.model_validate(document)
    kind.default(obj)
    found = obj.to_json()
    return None if found == body else found


def _row(
    definition: CustomResourceDefinition, version: CustomResourceDefinitionVersion, models: Models
) -> Kind[CustomObject]:
    spec = definition.spec
    group_version = f"{spec.group}/{version.name}"
    names = definition.status.acceptedNames if definition.status is not None else None
    names = names or spec.names
    schema = schema_of(version) or EMPTY
    model = models.get(version.name)
    if model is None:
        model = models[version.name] = model_of(group_version, spec.names.kind)
    model.SCHEMA = schema
    subresources = version.subresources
    has_status = subresources is not None and subresources.status is not None
    scale = subresources.scale if subresources is not None else None
    strategy = _Strategy(schema, has_status=has_status)
    terminating = definition.holds("Terminating")
    return Kind(
        model=model,
        plural=spec.names.plural,
        namespaced=spec.scope == "Namespaced",
        singular=names.singular or "",
        short_names=tuple(names.shortNames or ()),
        categories=tuple(names.categories or ()),
        verbs=tuple(verb for verb in ALL_VERBS if verb != "create") if terminating else ALL_VERBS,
        subresources=tuple(name for name, has in (("scale", scale), ("status", has_status)) if has),
        columns=columns_of(version.additionalPrinterColumns or ()),
        default=strategy.default,
        prepare_create=strategy.prepare_create,
        prepare_update=strategy.prepare_update,
        prepare_status=_prepare_status if has_status else None,
        validate=strategy.validate,
        validate_update=strategy.validate_update,
        validate_status=strategy.validate_update,
        fields=dict(_selectable(field.jsonPath) for field in version.selectableFields or ()),
        served=version.served,
        deprecation=_deprecation(version, group_version, spec.names.kind),
        shape=Shape(settle=strategy.settle),
        scaling=_scaling(scale) if scale is not None else None,
    )


def _view(row: Kind[CustomObject], stored: Kind[CustomObject]) -> View[CustomObject, CustomObject]:
    """Another version of a stored kind: only apiVersion differs, and what its own schema prunes and fills in."""
    # What is written in this version is checked by its own schema, not by the stored one's.
    of = replace(row, model=stored.model, view=None)

    def to_stored(obj: CustomObject, old: CustomObject | None) -> CustomObject:
        return stored.model.assemble(obj.metadata, obj.content)

    def from_stored(obj: CustomObject) -> CustomObject:
        document = {"apiVersion": row.group_version, "kind": row.kind, **json_copy(obj.content)}
        assert row.shape is not None
        row.shape.settle(document)
        content = {name: value for name, value in document.items() if name not in ("apiVersion", "kind")}
        shown = row.model.assemble(obj.metadata, content)
        row.default(shown)
        return shown

    return View(of=of, to_stored=to_stored, from_stored=from_stored, alike=True)


class _Strategy:
    """Defaults, generations and validation by a schema."""

    def __init__(self, schema: Schema, *, has_status: bool) -> None:
        self._schema = schema
        self._has_status = has_status
        self._has_rules = has_rules(schema)

    def settle(self, document: dict[str, Any]) -> list[str]:
        whole_numbers(document)
        unknown = prune(document, self._schema)
        prune_nulls({name: value for name, value in document.items() if name != "metadata"}, self._schema)
        for name in [name for name, value in document.items() if value is None]:
            if not (self._schema.get("properties") or EMPTY).get(name, EMPTY).get("nullable"):
                del document[name]
        return unknown

    def default(self, obj: CustomObject) -> None:
        content = obj.content
        meta, content["metadata"] = obj.metadata, {}
        try:
            apply_defaults(content, self._schema)
        finally:
            del content["metadata"]
            for name in ("apiVersion", "kind"):
                content.pop(name, None)
        obj.metadata = meta

    def prepare_create(self, obj: CustomObject) -> None:
        if self._has_status:
            obj.content.pop("status", None)
        generation_on_create(obj)

    def prepare_update(self, new: CustomObject, old: CustomObject) -> None:
        if self._has_status:
            _take_status(new, old)
        generation_on_update(new, old, changed=self._wanted(new) != self._wanted(old))

    def _wanted(self, obj: CustomObject) -> dict[str, Any]:
        """What counts as a change of the wanted state."""
        return {name: value for name, value in obj.content.items() if name != "status" or not self._has_status}

    def validate(self, obj: CustomObject) -> list[Cause]:
        document = _document(obj)
        causes = validate_metadata(obj.metadata) + check(document, self._schema)
        return causes + self._rules(document, causes)

    def validate_update(self, new: CustomObject, old: CustomObject) -> list[Cause]:
        document, before = _document(new), _document(old)
        causes = validate_metadata_update(new.metadata, old.metadata) + check(document, self._schema, before)
        return causes + self._rules(document, causes, before)

    def _rules(self, document: dict[str, Any], causes: list[Cause], *before: dict[str, Any]) -> list[Cause]:
        if not self._has_rules:
            return []
        if any(cause.reason in _BLOCKING for cause in causes):
            why = (
                "some validation rules were not checked because the object was invalid; correct the existing errors "
                "to complete validation"
            )
            return [Cause("FieldValueInvalid", "<nil>", f"Invalid value: null: {why}")]
        return check_rules(document, self._schema, *before)


_BLOCKING = frozenset(
    {"FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany", "FieldValueTypeInvalid", "FieldValueDuplicate"}
)
"""With these wrong, a rule may meet values that it was not written for, or too many of them."""


def _document(obj: CustomObject) -> dict[str, Any]:
    metadata = obj.metadata.to_dict()
    return {"apiVersion": obj.apiVersion, "kind": obj.kind, "metadata": metadata, **obj.content}


def _take_status(new: CustomObject, old: CustomObject) -> None:
    new.content.pop("status", None)
    if "status" in old.content:
        new.content["status"] = json_copy(old.content["status"])


def _prepare_status(new: CustomObject, old: CustomObject) -> None:
    """The old object with the status of the new one."""
    status = new.content.get("status")
    only_status(new, old)
    content = {name: value for name, value in old.content.items() if name != "status"}
    if status is not None:
        content["status"] = status
    new.content = json_copy(content)


def _selectable(path: str) -> tuple[str, Callable[[CustomObject], str]]:
    def value(obj: CustomObject) -> str:
        found = jsonpath.first(path, obj.content)
        if found is None:
            return ""
        return found if isinstance(found, str) else json.dumps(found)

    return path.removeprefix("."), value


def _scaling(scale: CustomResourceSubresourceScale) -> Scaling[CustomObject]:
    wanted = jsonpath.simple(scale.specReplicasPath) or ()

    def number(obj: CustomObject, path: str) -> int:
        found = jsonpath.first(path, obj.content)
        return found if isinstance(found, int) and not isinstance(found, bool) else 0

    def read(obj: CustomObject) -> tuple[int, int, str]:
        found = jsonpath.first(scale.labelSelectorPath, obj.content) if scale.labelSelectorPath else None
        selector = found if isinstance(found, str) else ""
        return number(obj, scale.specReplicasPath), number(obj, scale.statusReplicasPath), selector

    def write(obj: CustomObject, replicas: int) -> None:
        jsonpath.put(obj.content, wanted, replicas)

    return Scaling(read=read, write=write)


def _deprecation(version: CustomResourceDefinitionVersion, group_version: str, kind: str) -> str:
    if not version.deprecated:
        return ""
    return version.deprecationWarning or f"{group_version} {kind} is deprecated"
