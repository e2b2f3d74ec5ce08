"""What a valid CustomResourceDefinition is.

Source: k8s.io/apiextensions-apiserver ``pkg/apis/apiextensions/validation/validation.go``.
"""

from __future__ import annotations

from collections.abc import Iterator

from nsorch.resources import checks, names
from nsorch.resources.custom import jsonpath
from nsorch.resources.custom.rules import REASONS, check_compiles
from nsorch.resources.custom.schema import Schema, additional, at, items, properties
from nsorch.resources.custom.structural import check_structural
from nsorch.resources.definition import (
    CustomResourceDefinition,
    CustomResourceDefinitionNames,
    CustomResourceDefinitionSpec,
    CustomResourceDefinitionVersion,
)
from nsorch.resources.meta_validation import validate_metadata, validate_metadata_update
from nsorch.resources.registry import Cause

APPROVED = "api-approved.kubernetes.io"
COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
COLUMN_FORMATS = ("int32", "int64", "float", "double", "byte", "date", "date-time", "password")
MOST_SELECTABLE = 8


def schema_of(version: CustomResourceDefinitionVersion) -> Schema | None:
    """The schema of a version as data."""
    found = version.schema_.openAPIV3Schema if version.schema_ is not None else None
    return found.to_dict() if found is not None else None


def validate_definition(definition: CustomResourceDefinition) -> list[Cause]:
    """Everything wrong with a new definition."""
    spec = definition.spec

    def name_rule(name: str) -> list[str]:
        wrong = names.dns_subdomain(name)
        if name != f"{spec.names.plural}.{spec.group}":
            wrong.append('must be spec.names.plural+"."+spec.group')
        return wrong

    causes = validate_metadata(definition.metadata, name_rule)
    causes += _spec(spec)
    protected = f".{spec.group}".endswith((".k8s.io", ".kubernetes.io"))
    if protected and not (definition.metadata.annotations or {}).get(APPROVED):
        why = (
            f'protected groups must have approval annotation "{APPROVED}", '
            "see https://github.com/kubernetes/enhancements/pull/1111"
        )
        causes.append(checks.required(f"metadata.annotations[{APPROVED}]", why))
    return causes


def validate_definition_update(new: CustomResourceDefinition, old: CustomResourceDefinition) -> list[Cause]:
    """Everything wrong with a changed definition."""
    causes = validate_metadata_update(new.metadata, old.metadata)
    if new.spec != old.spec:
        causes += _spec(new.spec)
    causes += checks.immutable("spec.group", new.spec.group, old.spec.group)
    causes += checks.immutable("spec.names.plural", new.spec.names.plural, old.spec.names.plural)
    if old.holds("Established"):
        causes += checks.immutable("spec.scope", new.spec.scope, old.spec.scope)
        causes += checks.immutable("spec.names.kind", new.spec.names.kind, old.spec.names.kind)
    return causes + _stored_versions(new)


def validate_definition_status(new: CustomResourceDefinition, old: CustomResourceDefinition) -> list[Cause]:
    """Everything wrong with a changed status."""
    return validate_metadata_update(new.metadata, old.metadata) + _stored_versions(new)


def _stored_versions(definition: CustomResourceDefinition) -> list[Cause]:
    known = {version.name for version in definition.spec.versions}
    storage = next((version.name for version in definition.spec.versions if version.storage), "")
    stored = (definition.status.storedVersions if definition.status is not None else None) or []
    causes = [
        checks.invalid(f"status.storedVersions[{number}]", name, "missing from spec.versions")
        for number, name in enumerate(stored)
        if name not in known
    ]
    if storage and storage not in stored:
        why = f"must have the storage version {storage}"
        causes.append(checks.invalid("status.storedVersions", stored, why))
    return causes


def _spec(spec: CustomResourceDefinitionSpec) -> list[Cause]:
    causes: list[Cause] = []
    if not spec.group:
        causes.append(checks.required("spec.group"))
    elif wrong := names.dns_subdomain(spec.group):
        causes.append(checks.invalid("spec.group", spec.group, ",".join(wrong)))
    elif "." not in spec.group:
        causes.append(checks.invalid("spec.group", spec.group, "should be a domain with at least one dot"))
    if not spec.scope:
        causes.append(checks.required("spec.scope"))
    elif spec.scope not in ("Cluster", "Namespaced"):
        causes.append(checks.unsupported("spec.scope", spec.scope, ("Cluster", "Namespaced")))
    if spec.preserveUnknownFields:
        why = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        causes.append(checks.invalid("spec.preserveUnknownFields", True, why))
    causes += _conversion(spec)
    versions = [version.name for version in spec.versions]
    if checks.duplicates(versions):
        causes.append(checks.invalid("spec.versions", versions, "must contain unique version names"))
    if sum(version.storage for version in spec.versions) != 1:
        why = "must have exactly one version marked as storage version"
        causes.append(checks.invalid("spec.versions", versions, why))
    if spec.versions and not any(version.served for version in spec.versions):
        causes.append(checks.invalid("spec.versions", versions, "must have at least one version served"))
    for number, version in enumerate(spec.versions):
        causes += _version(version, f"spec.versions[{number}]")
    causes += _required_names(spec.names)
    causes += _names(spec.names, "spec.names")
    return causes


def _conversion(spec: CustomResourceDefinitionSpec) -> Iterator[Cause]:
    conversion = spec.conversion
    if conversion is None:
        return
    path = "spec.conversion"
    match conversion.strategy:
        case "None":
            if conversion.webhook is not None:
                why = "should not be set when strategy is not set to Webhook"
                yield checks.forbidden(f"{path}.webhook", why)
        case "Webhook":
            why = "conversion by webhooks is not supported here: use strategy None, or serve one version"
            yield checks.forbidden(f"{path}.strategy", why)
        case "":
            yield checks.required(f"{path}.strategy")
        case other:
            yield checks.unsupported(f"{path}.strategy", other, ("None",))


def _required_names(found: CustomResourceDefinitionNames) -> list[Cause]:
    return [
        checks.required(f"spec.names.{field}")
        for field in ("plural", "singular", "kind", "listKind")
        if not getattr(found, field)
    ]


def _names(found: CustomResourceDefinitionNames, path: str) -> Iterator[Cause]:
    lower = [("plural", found.plural), ("singular", found.singular)]
    lower += [(f"shortNames[{number}]", name) for number, name in enumerate(found.shortNames or ())]
    lower += [(f"categories[{number}]", name) for number, name in enumerate(found.categories or ())]
    for field, name in lower:
        if name and (wrong := names.dns1035_label(name)):
            yield checks.invalid(f"{path}.{field}", name, ",".join(wrong))
    for field, name in (("kind", found.kind), ("listKind", found.listKind)):
        if name and (wrong := names.dns1035_label(name.lower())):
            why = "may have mixed case, but should otherwise match: " + ",".join(wrong)
            yield checks.invalid(f"{path}.{field}", name, why)
    if found.kind and found.kind == found.listKind:
        yield checks.invalid(f"{path}.listKind", found.listKind, "kind and listKind may not be the same")


def _version(version: CustomResourceDefinitionVersion, path: str) -> Iterator[Cause]:
    if wrong := names.dns1035_label(version.name):
        yield checks.invalid(f"{path}.name", version.name, ",".join(wrong))
    if version.deprecationWarning is not None:
        text = version.deprecationWarning
        if not version.deprecated:
            why = "can only be set for deprecated versions"
            yield checks.invalid(f"{path}.deprecationWarning", text, why)
        if len(text) > 256:
            yield checks.invalid(f"{path}.deprecationWarning", text, "must be <= 256 characters long")
        elif not text.strip():
            yield checks.invalid(f"{path}.deprecationWarning", text, "must not be empty")
    schema = schema_of(version)
    if schema is None:
        yield checks.required(f"{path}.schema.openAPIV3Schema", "schemas are required")
        return
    where = f"{path}.schema.openAPIV3Schema"
    wrong_schema = check_structural(schema, where)
    yield from wrong_schema
    if not wrong_schema:
        yield from _rules(schema, where)
    yield from _columns(version, path)
    yield from _selectable(version, schema, path)
    yield from _scale(version, path)


def _rules(schema: Schema, path: str) -> Iterator[Cause]:
    for number, rule in enumerate(schema.get("x-kubernetes-validations") or ()):
        here = f"{path}.x-kubernetes-validations[{number}]"
        reason = rule.get("reason")
        if reason is not None and reason not in REASONS:
            yield checks.unsupported(f"{here}.reason", reason, REASONS)
        message = rule.get("message")
        if message is not None and not message.strip():
            yield checks.invalid(f"{here}.message", message, "message must be non-empty if specified")
        elif message and "\n" in message.strip():
            yield checks.invalid(f"{here}.message", message, "message must not contain line breaks")
        if "\n" in rule.get("rule", "").strip() and not message:
            why = "message must be specified if rule contains line breaks"
            yield checks.required(f"{here}.message", why)
        if rule.get("fieldPath"):
            yield from _field_path(rule["fieldPath"], schema, f"{here}.fieldPath")
        yield from check_compiles(rule, here)
    for name, field in properties(schema).items():
        yield from _rules(field, f"{path}.properties[{name}]")
    if (inner := items(schema)) is not None:
        yield from _rules(inner, f"{path}.items")
    if (rest := additional(schema)) is not None:
        yield from _rules(rest, f"{path}.additionalProperties")


def _field_path(text: str, schema: Schema, path: str) -> Iterator[Cause]:
    try:
        jsonpath.parse(text)
    except jsonpath.JsonPathError as error:
        yield checks.invalid(path, text, f"fieldPath must be a valid path: {error}")
        return
    plain = jsonpath.simple(text)
    if plain is not None and at(schema, *plain) is None:
        yield checks.invalid(path, text, "fieldPath must be a valid path: does not refer to a valid field")


def _columns(version: CustomResourceDefinitionVersion, path: str) -> Iterator[Cause]:
    for number, column in enumerate(version.additionalPrinterColumns or ()):
        here = f"{path}.additionalPrinterColumns[{number}]"
        if not column.name:
            yield checks.required(f"{here}.name")
        if not column.type:
            yield checks.required(f"{here}.type", f"must be one of {','.join(COLUMN_TYPES)}")
        elif column.type not in COLUMN_TYPES:
            yield checks.invalid(f"{here}.type", column.type, f"must be one of {','.join(COLUMN_TYPES)}")
        if column.format and column.format not in COLUMN_FORMATS:
            yield checks.invalid(f"{here}.format", column.format, f"must be one of {','.join(COLUMN_FORMATS)}")
        if not column.jsonPath:
            yield checks.required(f"{here}.jsonPath")
            continue
        try:
            jsonpath.parse(column.jsonPath)
        except jsonpath.JsonPathError as error:
            yield checks.invalid(f"{here}.jsonPath", column.jsonPath, str(error))


def _selectable(version: CustomResourceDefinitionVersion, schema: Schema, path: str) -> Iterator[Cause]:
    found = version.selectableFields or []
    if len(found) > MOST_SELECTABLE:
        yield checks.too_many(f"{path}.selectableFields", len(found), MOST_SELECTABLE)
    for number, field in enumerate(found):
        here, text = f"{path}.selectableFields[{number}].jsonPath", field.jsonPath
        plain = jsonpath.simple(text)
        if not text:
            yield checks.required(here)
        elif plain is None:
            yield checks.invalid(here, text, "is an invalid path: only names of fields, each after a dot, are allowed")
        elif plain[0] == "metadata":
            yield checks.invalid(here, text, "must not point to fields in metadata")
        elif (target := at(schema, *plain)) is None:
            yield checks.invalid(here, text, "is an invalid path: does not refer to a valid field")
        elif target.get("type") not in ("boolean", "integer", "string"):
            why = (
                "must point to a field of type string, boolean or integer. Enum string fields and strings with formats "
            )
            yield checks.invalid(here, text, why + "are allowed.")
    for number in checks.duplicates(field.jsonPath for field in found):
        yield checks.duplicate(f"{path}.selectableFields[{number}].jsonPath", found[number].jsonPath)


def _scale(version: CustomResourceDefinitionVersion, path: str) -> Iterator[Cause]:
    scale = version.subresources.scale if version.subresources is not None else None
    if scale is None:
        return
    here = f"{path}.subresources.scale"
    rows: list[tuple[str, str | None, tuple[str, ...]]] = [
        ("specReplicasPath", scale.specReplicasPath, ("spec",)),
        ("statusReplicasPath", scale.statusReplicasPath, ("status",)),
    ]
    if scale.labelSelectorPath is not None:
        rows.append(("labelSelectorPath", scale.labelSelectorPath, ("spec", "status")))
    for field, text, roots in rows:
        plain = jsonpath.simple(text or "")
        if not text:
            yield checks.required(f"{here}.{field}")
        elif plain is None:
            why = (
                "should be a json path under " + " or ".join(f".{root}" for root in roots) + ", without array notation"
            )
            yield checks.invalid(f"{here}.{field}", text, why)
        elif plain[0] not in roots or len(plain) < 2:
            why = "should be a json path under " + " or ".join(f".{root}" for root in roots)
            yield checks.invalid(f"{here}.{field}", text, why)
