"""Validation of ``metadata`` and of label selectors, shared by all kinds.

Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nsorch.resources import checks, names
from nsorch.resources.common import LabelSelector
from nsorch.resources.meta import ObjectMeta
from nsorch.resources.registry import Cause

ANNOTATIONS_LIMIT = 256 * 1024
"""Bytes of all keys and values of an object's annotations."""

STANDARD_FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")

NameRule = Callable[[str], list[str]]


def validate_metadata(
    meta: ObjectMeta, rule: NameRule = names.dns_subdomain, *, field: str = "metadata"
) -> list[Cause]:
    """Everything wrong with a new object's metadata. ``rule`` is the kind's own rule for names."""
    causes: list[Cause] = []
    if meta.generateName:
        # The random suffix that follows may repair a trailing dash or dot.
        prefix = meta.generateName.rstrip("-.")
        if prefix:
            causes += checks.invalid_each(f"{field}.generateName", meta.generateName, rule(prefix))
    if meta.name:
        causes += checks.invalid_each(f"{field}.name", meta.name, rule(meta.name))
    elif not meta.generateName:
        causes.append(checks.required(f"{field}.name", "name or generateName is required"))
    if meta.generation is not None and meta.generation < 0:
        causes += checks.not_negative(f"{field}.generation", meta.generation)
    causes += validate_labels(meta.labels, f"{field}.labels")
    causes += validate_annotations(meta.annotations, f"{field}.annotations")
    causes += _owners(meta, f"{field}.ownerReferences")
    causes += _finalizers(meta, f"{field}.finalizers")
    return causes


def validate_metadata_update(
    new: ObjectMeta,
    old: ObjectMeta,
    rule: NameRule = names.dns_subdomain,
    *,
    field: str = "metadata",
) -> list[Cause]:
    """Everything wrong with changed metadata, including fields that may never change."""
    causes = validate_metadata(new, rule, field=field)
    causes += checks.immutable(f"{field}.name", new.name, old.name)
    causes += checks.immutable(f"{field}.namespace", new.namespace, old.namespace)
    causes += checks.immutable(f"{field}.uid", new.uid, old.uid)
    causes += checks.immutable(f"{field}.creationTimestamp", new.creationTimestamp, old.creationTimestamp)
    if new.generation is not None and old.generation is not None and new.generation < old.generation:
        causes.append(checks.invalid(f"{field}.generation", new.generation, "must not be decremented"))
    return causes


def validate_labels(labels: Mapping[str, str] | None, field: str) -> list[Cause]:
    """Keys are qualified names, values label values."""
    causes: list[Cause] = []
    for key, value in (labels or {}).items():
        causes += checks.invalid_each(field, key, names.qualified_name(key))
        causes += checks.invalid_each(field, value, names.label_value(value))
    return causes


def validate_annotations(annotations: Mapping[str, str] | None, field: str) -> list[Cause]:
    """Keys are qualified names (case ignored); together at most 256 KiB."""
    causes: list[Cause] = []
    size = 0
    for key, value in (annotations or {}).items():
        causes += checks.invalid_each(field, key, names.qualified_name(key.lower()))
        size += len(key.encode()) + len(value.encode())
    if size > ANNOTATIONS_LIMIT:
        causes.append(checks.too_long(field, ANNOTATIONS_LIMIT))
    return causes


def validate_selector(selector: LabelSelector | None, field: str) -> list[Cause]:
    """A ``metav1.LabelSelector``'s keys, operators and values."""
    if selector is None:
        return []
    causes = validate_labels(selector.matchLabels, f"{field}.matchLabels")
    for index, expression in enumerate(selector.matchExpressions or ()):
        path = f"{field}.matchExpressions[{index}]"
        values = expression.values or []
        if expression.operator in ("In", "NotIn"):
            if not values:
                causes.append(checks.required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
        elif expression.operator in ("Exists", "DoesNotExist"):
            if values:
                causes.append(
                    checks.forbidden(
                        f"{path}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                    )
                )
        else:
            causes.append(checks.invalid(f"{path}.operator", expression.operator, "not a valid selector operator"))
        causes += checks.invalid_each(f"{path}.key", expression.key, names.qualified_name(expression.key))
        for position, value in enumerate(values):
            causes += checks.invalid_each(f"{path}.values[{position}]", value, names.label_value(value))
    return causes


def _owners(meta: ObjectMeta, field: str) -> list[Cause]:
    causes: list[Cause] = []
    controller = ""
    for index, owner in enumerate(meta.ownerReferences or ()):
        path = f"{field}[{index}]"
        if not owner.apiVersion:
            causes.append(checks.invalid(f"{path}.apiVersion", owner.apiVersion, "version must not be empty"))
        for name in ("kind", "name", "uid"):
            if not getattr(owner, name):
                causes.append(checks.invalid(f"{path}.{name}", "", "must not be empty"))
        if owner.controller:
            if controller:
                causes.append(
                    checks.invalid(
                        field,
                        meta.ownerReferences,
                        'Only one reference can have Controller set to true. Found "true" in references for '
                        f"{controller} and {owner.name}",
                    )
                )
            controller = owner.name
    return causes


def _finalizers(meta: ObjectMeta, field: str) -> list[Cause]:
    causes: list[Cause] = []
    for finalizer in meta.finalizers or ():
        wrong = names.qualified_name(finalizer)
        causes += checks.invalid_each(field, finalizer, wrong)
        if not wrong and "/" not in finalizer and finalizer not in STANDARD_FINALIZERS:
            causes.append(
                checks.invalid(field, finalizer, "name is neither a standard finalizer name nor is it fully qualified")
            )
    if {"orphan", "foregroundDeletion"} <= set(meta.finalizers or ()):
        causes.append(
            checks.invalid(
                field,
                meta.finalizers,
                "finalizer orphan and finalizer foregroundDeletion cannot be both set",
            )
        )
    return causes
