"""Which names of a definition are accepted, and the conditions that say so.

Names are first come, first served within a group. Source: k8s.io/apiextensions-apiserver
``pkg/controller/status/naming_controller.go`` and ``pkg/controller/establish``.
"""

from __future__ import annotations

from collections.abc import Iterable

from nsorch.kit.clock import rfc3339
from nsorch.resources.definition import (
    CustomResourceDefinition,
    CustomResourceDefinitionCondition,
    CustomResourceDefinitionNames,
    CustomResourceDefinitionStatus,
)

CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
"""The finalizer that holds a definition until its objects are gone."""

ESTABLISHED, ACCEPTED, TERMINATING = "Established", "NamesAccepted", "Terminating"


def decide(
    definition: CustomResourceDefinition, others: Iterable[CustomResourceDefinition], now: float
) -> CustomResourceDefinitionStatus:
    """The status that a definition should have beside ``others``; ``now`` in seconds."""
    status = (definition.status or CustomResourceDefinitionStatus()).copy_deep()
    wanted = definition.spec.names
    resources, kinds = _taken(definition, others)
    accepted = status.acceptedNames.copy_deep() if status.acceptedNames else _none()
    reason, message = "NoConflicts", "no conflicts found"
    for field, taken in (("plural", resources), ("singular", resources), ("kind", kinds), ("listKind", kinds)):
        name = getattr(wanted, field)
        if name and name in taken:
            reason, message = f"{field[0].upper()}{field[1:]}Conflict", f'"{name}" is already in use'
        else:
            setattr(accepted, field, name)
    clashes = [name for name in wanted.shortNames or () if name in resources]
    if clashes:
        reason, message = "ShortNamesConflict", f'"{clashes[0]}" is already in use'
    else:
        accepted.shortNames = wanted.shortNames
    accepted.categories = wanted.categories
    status.acceptedNames = accepted
    good = reason == "NoConflicts"
    put(status, ACCEPTED, good, reason, message, now)
    if good:
        put(status, ESTABLISHED, True, "InitialNamesAccepted", "the initial names have been accepted", now)
    elif not definition.holds(ESTABLISHED):
        put(status, ESTABLISHED, False, "NotAccepted", "not all names are accepted", now)
    return status


def put(status: CustomResourceDefinitionStatus, type: str, holds: bool, reason: str, message: str, now: float) -> None:
    """Set a condition; its time changes only with its status."""
    state = "True" if holds else "False"
    conditions = status.conditions or []
    before = next((one for one in conditions if one.type == type), None)
    since = before.lastTransitionTime if before is not None and before.status == state else rfc3339(now)
    made = CustomResourceDefinitionCondition(
        type=type, status=state, reason=reason, message=message, lastTransitionTime=since
    )
    if before is None:
        status.conditions = [*conditions, made]
    else:
        status.conditions = [made if one is before else one for one in conditions]


def mark_terminating(definition: CustomResourceDefinition, now: float) -> None:
    """Deletion has been asked for: the objects go first."""
    meta = definition.metadata
    if CLEANUP not in (meta.finalizers or ()):
        meta.finalizers = [*(meta.finalizers or ()), CLEANUP]
    status = (definition.status or CustomResourceDefinitionStatus()).copy_deep()
    message = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"
    put(status, TERMINATING, True, "InstanceDeletionPending", message, now)
    definition.status = status


def _taken(
    definition: CustomResourceDefinition, others: Iterable[CustomResourceDefinition]
) -> tuple[set[str], set[str]]:
    """Names of resources and of kinds that other definitions of the group have."""
    resources: set[str] = set()
    kinds: set[str] = set()
    for other in others:
        names = other.status.acceptedNames if other.status is not None else None
        if names is None or other.spec.group != definition.spec.group or other.name == definition.name:
            continue
        resources |= {name for name in (names.plural, names.singular, *(names.shortNames or ())) if name}
        kinds |= {name for name in (names.kind, names.listKind) if name}
    return resources, kinds


def _none() -> CustomResourceDefinitionNames:
    return CustomResourceDefinitionNames(plural="", kind="")
