"""The registry rows of roles and bindings: defaults, validation, columns.

Source: kubernetes ``pkg/apis/rbac/validation/validation.go`` and https://kubernetes.io/docs/reference/access-authn-authz/rbac/
"""

from __future__ import annotations

from collections.abc import Sequence

from nsorch.resources import checks, columns, names
from nsorch.resources.meta_validation import validate_metadata, validate_metadata_update, validate_selector
from nsorch.resources.rbac import GROUP, ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, Subject
from nsorch.resources.registry import Cause, Column, Kind

SERVICE_ACCOUNT = "ServiceAccount"


def path_segment(name: str) -> list[str]:
    """The rule for names of roles and bindings: anything that can be one part of a path, such as ``system:discovery``."""
    if name in (".", ".."):
        return [f"may not be '{name}'"]
    return [f"may not contain '{letter}'" for letter in "/%" if letter in name]


def _rules(rules: Sequence[PolicyRule] | None, *, namespaced: bool) -> list[Cause]:
    causes: list[Cause] = []
    for index, rule in enumerate(rules or ()):
        field = f"rules[{index}]"
        if not rule.verbs:
            causes.append(checks.required(f"{field}.verbs", "verbs must contain at least one value"))
        if rule.nonResourceURLs:
            if namespaced:
                why = "namespaced rules cannot apply to non-resource URLs"
                causes.append(checks.invalid(f"{field}.nonResourceURLs", rule.nonResourceURLs, why))
            if rule.apiGroups or rule.resources or rule.resourceNames:
                why = "rules cannot apply to both regular resources and non-resource URLs"
                causes.append(checks.invalid(f"{field}.nonResourceURLs", rule.nonResourceURLs, why))
            continue
        if not rule.apiGroups:
            causes.append(checks.required(f"{field}.apiGroups", "resource rules must supply at least one api group"))
        if not rule.resources:
            causes.append(checks.required(f"{field}.resources", "resource rules must supply at least one resource"))
    return causes


def validate_role(role: Role) -> list[Cause]:
    """Everything wrong with a Role."""
    return validate_metadata(role.metadata, path_segment) + _rules(role.rules, namespaced=True)


def validate_role_update(new: Role, old: Role) -> list[Cause]:
    return validate_metadata_update(new.metadata, old.metadata, path_segment) + _rules(new.rules, namespaced=True)


def validate_cluster_role(role: ClusterRole) -> list[Cause]:
    """Everything wrong with a ClusterRole."""
    causes = validate_metadata(role.metadata, path_segment) + _rules(role.rules, namespaced=False)
    return causes + _aggregation(role)


def validate_cluster_role_update(new: ClusterRole, old: ClusterRole) -> list[Cause]:
    causes = validate_metadata_update(new.metadata, old.metadata, path_segment) + _rules(new.rules, namespaced=False)
    return causes + _aggregation(new)


def _aggregation(role: ClusterRole) -> list[Cause]:
    if role.aggregationRule is None:
        return []
    field = "aggregationRule.clusterRoleSelectors"
    selectors = role.aggregationRule.clusterRoleSelectors
    if not selectors:
        return [checks.required(field, "at least one clusterRoleSelector required if aggregationRule is non-nil")]
    return [cause for index, one in enumerate(selectors) for cause in validate_selector(one, f"{field}[{index}]")]


def default_binding(binding: RoleBinding | ClusterRoleBinding) -> None:
    """The groups of the role and of the subjects may be left out."""
    binding.roleRef.apiGroup = binding.roleRef.apiGroup or GROUP
    for subject in binding.subjects or ():
        if not subject.apiGroup and subject.kind in ("User", "Group"):
            subject.apiGroup = GROUP


def _binding(binding: RoleBinding | ClusterRoleBinding, kinds: tuple[str, ...], *, namespaced: bool) -> list[Cause]:
    causes: list[Cause] = []
    ref = binding.roleRef
    if ref.apiGroup != GROUP:
        causes.append(checks.unsupported("roleRef.apiGroup", ref.apiGroup, [GROUP]))
    causes += checks.one_of("roleRef.kind", ref.kind, kinds)
    if not ref.name:
        causes.append(checks.required("roleRef.name"))
    else:
        causes += checks.invalid_each("roleRef.name", ref.name, path_segment(ref.name))
    for index, subject in enumerate(binding.subjects or ()):
        causes += _subject(subject, f"subjects[{index}]", namespaced=namespaced)
    return causes


def _subject(subject: Subject, field: str, *, namespaced: bool) -> list[Cause]:
    causes: list[Cause] = []
    if not subject.name:
        causes.append(checks.required(f"{field}.name"))
    if subject.kind == SERVICE_ACCOUNT:
        if subject.name:
            causes += checks.invalid_each(f"{field}.name", subject.name, names.dns_subdomain(subject.name))
        if subject.apiGroup:
            causes.append(checks.unsupported(f"{field}.apiGroup", subject.apiGroup, [""]))
        if not namespaced and not subject.namespace:
            causes.append(checks.required(f"{field}.namespace"))
    elif subject.kind in ("User", "Group"):
        if subject.apiGroup != GROUP:
            causes.append(checks.unsupported(f"{field}.apiGroup", subject.apiGroup, [GROUP]))
    else:
        causes.append(checks.unsupported(f"{field}.kind", subject.kind, [SERVICE_ACCOUNT, "User", "Group"]))
    return causes


def validate_role_binding(binding: RoleBinding) -> list[Cause]:
    """Everything wrong with a RoleBinding. A ServiceAccount without a namespace is one of the binding's own."""
    causes = validate_metadata(binding.metadata, path_segment)
    return causes + _binding(binding, ("Role", "ClusterRole"), namespaced=True)


def validate_role_binding_update(new: RoleBinding, old: RoleBinding) -> list[Cause]:
    causes = validate_metadata_update(new.metadata, old.metadata, path_segment)
    return causes + _same_role(new, old) + _binding(new, ("Role", "ClusterRole"), namespaced=True)


def validate_cluster_role_binding(binding: ClusterRoleBinding) -> list[Cause]:
    """Everything wrong with a ClusterRoleBinding."""
    return validate_metadata(binding.metadata, path_segment) + _binding(binding, ("ClusterRole",), namespaced=False)


def validate_cluster_role_binding_update(new: ClusterRoleBinding, old: ClusterRoleBinding) -> list[Cause]:
    causes = validate_metadata_update(new.metadata, old.metadata, path_segment)
    return causes + _same_role(new, old) + _binding(new, ("ClusterRole",), namespaced=False)


def _same_role(new: RoleBinding | ClusterRoleBinding, old: RoleBinding | ClusterRoleBinding) -> list[Cause]:
    if new.roleRef == old.roleRef:
        return []
    return [checks.invalid("roleRef", new.roleRef, "cannot change roleRef")]


def _subjects(binding: RoleBinding | ClusterRoleBinding, kind: str) -> str:
    found = [one for one in binding.subjects or () if one.kind == kind]
    return ", ".join(f"{one.namespace or ''}/{one.name}" if kind == SERVICE_ACCOUNT else one.name for one in found)


ROLE = Kind(
    model=Role,
    plural="roles",
    singular="role",
    columns=(
        columns.NAME,
        Column(
            "Created At",
            lambda obj, now: obj.metadata.creationTimestamp,
            type="date",
            description="When the role was made.",
        ),
    ),
    validate=validate_role,
    validate_update=validate_role_update,
)

CLUSTER_ROLE = Kind(
    model=ClusterRole,
    plural="clusterroles",
    namespaced=False,
    singular="clusterrole",
    columns=(
        columns.NAME,
        Column(
            "Created At",
            lambda obj, now: obj.metadata.creationTimestamp,
            type="date",
            description="When the role was made.",
        ),
    ),
    validate=validate_cluster_role,
    validate_update=validate_cluster_role_update,
)

ROLE_BINDING = Kind(
    model=RoleBinding,
    plural="rolebindings",
    singular="rolebinding",
    columns=(
        columns.NAME,
        Column("Role", lambda obj, now: f"{obj.roleRef.kind}/{obj.roleRef.name}", description="What is given."),
        columns.AGE,
        Column("Users", lambda obj, now: _subjects(obj, "User"), priority=1, description="Users who get it."),
        Column("Groups", lambda obj, now: _subjects(obj, "Group"), priority=1, description="Groups that get it."),
        Column(
            "ServiceAccounts",
            lambda obj, now: _subjects(obj, SERVICE_ACCOUNT),
            priority=1,
            description="ServiceAccounts that get it.",
        ),
    ),
    default=default_binding,
    validate=validate_role_binding,
    validate_update=validate_role_binding_update,
)

CLUSTER_ROLE_BINDING = Kind(
    model=ClusterRoleBinding,
    plural="clusterrolebindings",
    namespaced=False,
    singular="clusterrolebinding",
    columns=(
        columns.NAME,
        Column("Role", lambda obj, now: f"{obj.roleRef.kind}/{obj.roleRef.name}", description="What is given."),
        columns.AGE,
        Column("Users", lambda obj, now: _subjects(obj, "User"), priority=1, description="Users who get it."),
        Column("Groups", lambda obj, now: _subjects(obj, "Group"), priority=1, description="Groups that get it."),
        Column(
            "ServiceAccounts",
            lambda obj, now: _subjects(obj, SERVICE_ACCOUNT),
            priority=1,
            description="ServiceAccounts that get it.",
        ),
    ),
    default=default_binding,
    validate=validate_cluster_role_binding,
    validate_update=validate_cluster_role_binding_update,
)
