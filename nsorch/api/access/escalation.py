"""Nobody gives away what he does not have: who writes a role must hold all of its rules, or have the verb ``escalate``;
who writes a binding must hold all rules of its role, or have the verb ``bind``.

Source: kubernetes ``pkg/registry/rbac/{role,clusterrole,rolebinding,clusterrolebinding}/policybased/storage.go``.
"""

from __future__ import annotations

from typing import Any

from nsorch.api import failures
from nsorch.api.access.attributes import Attributes
from nsorch.api.access.authorizer import Authorizer
from nsorch.api.access.rules import FULL, compact, shown, uncovered
from nsorch.api.access.user import MASTERS, User
from nsorch.resources.meta import Resource
from nsorch.resources.rbac import GROUP, ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding
from nsorch.resources.registry import Kind


def check(authorizer: Authorizer, user: User, kind: Kind[Any], obj: Resource, old: Resource | None) -> None:
    """Failure 403 if the write would give more than ``user`` has."""
    if MASTERS in user.groups:
        return
    match obj:
        case Role() | ClusterRole():
            _role(authorizer, user, kind, obj, old)
        case RoleBinding() | ClusterRoleBinding():
            if isinstance(old, RoleBinding | ClusterRoleBinding) and _binding_same(obj, old):
                return
            _binding(authorizer, user, kind, obj)


def _role(authorizer: Authorizer, user: User, kind: Kind[Any], role: Role | ClusterRole, old: Resource | None) -> None:
    namespace = role.namespace or ""
    if authorizer.allows(user, Attributes("escalate", "", GROUP, kind.plural, "", namespace, role.name)):
        return
    rules = list(role.rules or ())
    if isinstance(role, ClusterRole) and role.aggregationRule is not None:
        before = old.aggregationRule if isinstance(old, ClusterRole) else None
        if before != role.aggregationRule:
            rules += FULL  # it may come to hold anything
    if isinstance(old, Role | ClusterRole) and (old.rules or []) == rules:
        return
    _must_hold(authorizer, user, kind, role, rules)


def _binding_same(new: RoleBinding | ClusterRoleBinding, old: RoleBinding | ClusterRoleBinding) -> bool:
    return new.roleRef == old.roleRef and (new.subjects or []) == (old.subjects or [])


def _binding(authorizer: Authorizer, user: User, kind: Kind[Any], binding: RoleBinding | ClusterRoleBinding) -> None:
    namespace, ref = binding.namespace or "", binding.roleRef
    plural = "clusterroles" if ref.kind == "ClusterRole" else "roles"
    if authorizer.allows(user, Attributes("bind", "", GROUP, plural, "", namespace, ref.name)):
        return
    role = authorizer.role(ref, namespace)
    if role is None:
        raise failures.Failure(
            404,
            "NotFound",
            f'{plural}.{GROUP} "{ref.name}" not found',
            {"name": ref.name, "group": GROUP, "kind": plural},
        )
    _must_hold(authorizer, user, kind, binding, role.rules)


def _must_hold(
    authorizer: Authorizer, user: User, kind: Kind[Any], obj: Resource, rules: list[PolicyRule] | tuple[PolicyRule, ...]
) -> None:
    missing = uncovered(authorizer.rules(user, obj.namespace or ""), rules)
    if not missing:
        return
    groups = ", ".join(f'"{group}"' for group in user.groups)
    listed = "\n".join(sorted(shown(rule) for rule in compact(missing)))
    raise failures.forbidden(
        kind,
        obj.name,
        f'user "{user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions not currently held:\n{listed}',
    )
