"""Validation of affinity, tolerations and topology spread."""

from __future__ import annotations

from nsorch.resources import checks, names
from nsorch.resources.meta_validation import validate_selector
from nsorch.resources.registry import Cause
from nsorch.resources.scheduling import (
    Affinity,
    NodeSelectorTerm,
    PodAffinity,
    PodAffinityTerm,
    PodAntiAffinity,
    Taint,
    Toleration,
    TopologySpreadConstraint,
)

EFFECTS = ("NoExecute", "NoSchedule", "PreferNoSchedule")


def validate_tolerations(tolerations: list[Toleration], field: str) -> list[Cause]:
    """Operators agree with values, effects are known."""
    causes: list[Cause] = []
    for index, toleration in enumerate(tolerations):
        path = f"{field}[{index}]"
        if toleration.key:
            causes += checks.invalid_each(f"{path}.key", toleration.key, names.qualified_name(toleration.key))
        elif toleration.operator != "Exists":
            causes.append(
                checks.invalid(
                    f"{path}.operator",
                    toleration.operator or "",
                    'operator must be Exists when `key` is empty, which means "match all values and all keys"',
                )
            )
        if toleration.tolerationSeconds is not None and toleration.effect != "NoExecute":
            causes.append(
                checks.invalid(
                    f"{path}.effect",
                    toleration.effect or "",
                    "effect must be 'NoExecute' when `tolerationSeconds` is set",
                )
            )
        if toleration.operator in (None, "", "Equal"):
            value = toleration.value or ""
            causes += checks.invalid_each(f"{path}.operator", value, names.label_value(value))
        elif toleration.operator == "Exists":
            if toleration.value:
                causes.append(
                    checks.invalid(
                        f"{path}.operator", toleration.value, "value must be empty when `operator` is 'Exists'"
                    )
                )
        else:
            causes.append(checks.unsupported(f"{path}.operator", toleration.operator, ("Equal", "Exists")))
        if toleration.effect:
            causes += checks.one_of(f"{path}.effect", toleration.effect, EFFECTS)
    return causes


def validate_taints(taints: list[Taint], field: str) -> list[Cause]:
    """Keys, values, effects; each (key, effect) once."""
    causes: list[Cause] = []
    for index, taint in enumerate(taints):
        path = f"{field}[{index}]"
        causes += checks.invalid_each(f"{path}.key", taint.key, names.qualified_name(taint.key))
        if taint.value:
            causes += checks.invalid_each(f"{path}.value", taint.value, names.label_value(taint.value))
        if not taint.effect:
            causes.append(checks.required(f"{path}.effect"))
        else:
            causes += checks.one_of(f"{path}.effect", taint.effect, EFFECTS)
    for index in checks.duplicates((taint.key, taint.effect) for taint in taints):
        causes.append(checks.duplicate(f"{field}[{index}]", taints[index]))
    return causes


def validate_spread(constraints: list[TopologySpreadConstraint], field: str) -> list[Cause]:
    """Positive skew, a topology key, a known answer to the unsatisfiable, each pair of those once."""
    causes: list[Cause] = []
    for index, constraint in enumerate(constraints):
        path = f"{field}[{index}]"
        if constraint.maxSkew <= 0:
            causes.append(checks.invalid(f"{path}.maxSkew", constraint.maxSkew, "must be greater than zero"))
        if not constraint.topologyKey:
            causes.append(checks.required(f"{path}.topologyKey", "can not be empty"))
        causes += checks.one_of(
            f"{path}.whenUnsatisfiable", constraint.whenUnsatisfiable, ("DoNotSchedule", "ScheduleAnyway")
        )
        causes += validate_selector(constraint.labelSelector, f"{path}.labelSelector")
    pairs = [(constraint.topologyKey, constraint.whenUnsatisfiable) for constraint in constraints]
    for index in checks.duplicates(pairs):
        causes.append(checks.duplicate(f"{field}[{index}].{{topologyKey, whenUnsatisfiable}}", list(pairs[index])))
    return causes


def validate_affinity(affinity: Affinity | None, field: str) -> list[Cause]:
    """Node selector terms, Pod affinity terms, weights from 1 to 100."""
    if affinity is None:
        return []
    causes: list[Cause] = []
    if affinity.nodeAffinity is not None:
        path = f"{field}.nodeAffinity"
        needed = affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution
        if needed is not None:
            inner = f"{path}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
            if not needed.nodeSelectorTerms:
                causes.append(checks.required(inner, "must have at least one node selector term"))
            for index, term in enumerate(needed.nodeSelectorTerms):
                causes += _node_term(term, f"{inner}[{index}]")
        for index, wish in enumerate(affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution or ()):
            inner = f"{path}.preferredDuringSchedulingIgnoredDuringExecution[{index}]"
            causes += _weight(wish.weight, inner)
            causes += _node_term(wish.preference, f"{inner}.preference")
    if affinity.podAffinity is not None:
        causes += _pod_affinity(affinity.podAffinity, f"{field}.podAffinity")
    if affinity.podAntiAffinity is not None:
        causes += _pod_affinity(affinity.podAntiAffinity, f"{field}.podAntiAffinity")
    return causes


def _node_term(term: NodeSelectorTerm, field: str) -> list[Cause]:
    causes: list[Cause] = []
    for index, requirement in enumerate(term.matchExpressions or ()):
        path = f"{field}.matchExpressions[{index}]"
        causes += checks.invalid_each(f"{path}.key", requirement.key, names.qualified_name(requirement.key))
        values = requirement.values or []
        if requirement.operator in ("In", "NotIn"):
            if not values:
                causes.append(checks.required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
        elif requirement.operator in ("Exists", "DoesNotExist"):
            if values:
                causes.append(
                    checks.forbidden(
                        f"{path}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                    )
                )
        elif requirement.operator in ("Gt", "Lt"):
            if len(values) != 1:
                causes.append(
                    checks.required(f"{path}.values", "must be specified single value when `operator` is 'Lt' or 'Gt'")
                )
        else:
            causes.append(checks.invalid(f"{path}.operator", requirement.operator, "not a valid selector operator"))
    return causes


def _pod_affinity(affinity: PodAffinity | PodAntiAffinity, field: str) -> list[Cause]:
    causes: list[Cause] = []
    for index, term in enumerate(affinity.requiredDuringSchedulingIgnoredDuringExecution or ()):
        causes += _pod_term(term, f"{field}.requiredDuringSchedulingIgnoredDuringExecution[{index}]")
    for index, wish in enumerate(affinity.preferredDuringSchedulingIgnoredDuringExecution or ()):
        path = f"{field}.preferredDuringSchedulingIgnoredDuringExecution[{index}]"
        causes += _weight(wish.weight, path)
        causes += _pod_term(wish.podAffinityTerm, f"{path}.podAffinityTerm")
    return causes


def _pod_term(term: PodAffinityTerm, field: str) -> list[Cause]:
    causes = validate_selector(term.labelSelector, f"{field}.labelSelector")
    causes += validate_selector(term.namespaceSelector, f"{field}.namespaceSelector")
    if not term.topologyKey:
        causes.append(checks.required(f"{field}.topologyKey", "can not be empty"))
    return causes


def _weight(weight: int, field: str) -> list[Cause]:
    if 1 <= weight <= 100:
        return []
    return [checks.invalid(f"{field}.weight", weight, "must be in the range 1-100")]
