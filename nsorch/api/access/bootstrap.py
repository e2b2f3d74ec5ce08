"""Make the default roles and bindings at the start, and give back to them what is missing.

Whoever wants a default role to stay as he has made it sets its annotation ``autoupdate`` to "false". Rules and
subjects that were added are never taken away.
Source: kubernetes ``pkg/registry/rbac/rest/storage_rbac.go``, ``pkg/registry/rbac/reconciliation``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from nsorch.api.access import policy
from nsorch.api.access.aggregation import aggregated
from nsorch.api.access.rules import compact, uncovered
from nsorch.resources.client import Client, ClientError
from nsorch.resources.meta import Resource
from nsorch.resources.rbac import ClusterRole, ClusterRoleBinding, Role, RoleBinding

Binding = RoleBinding | ClusterRoleBinding


async def bootstrap(client: Client) -> None:
    """Roles first, then bindings; all of each share a commit."""
    wanted = policy.cluster_roles()
    made_of_others = [role for role in wanted if role.aggregationRule is not None]
    for _ in made_of_others:  # a role may be made of roles that are made of others
        for role in made_of_others:
            role.rules = aggregated(role, wanted)
    await asyncio.gather(
        *(_ensure(client, role, _mended_role) for role in wanted),
        *(_ensure(client, role, _mended_role) for role in policy.roles()),
    )
    await asyncio.gather(
        *(_ensure(client, binding, _mended_binding) for binding in policy.cluster_role_bindings()),
        *(_ensure(client, binding, _mended_binding) for binding in policy.role_bindings()),
    )


async def _ensure(client: Client, wanted: Resource, mended: Callable[[Any, Any], Resource | None]) -> None:
    found = client.get(type(wanted), wanted.namespace, wanted.name)
    try:
        if found is None:
            await client.create(wanted)
            return
        if (found.metadata.annotations or {}).get(policy.AUTOUPDATE) != "true" or found.terminating:
            return
        if isinstance(found, RoleBinding | ClusterRoleBinding) and found.roleRef != getattr(wanted, "roleRef", None):
            await client.delete(type(wanted), wanted.namespace, wanted.name, uid=found.uid)
            await client.create(wanted)
            return
        changed = mended(found, wanted)
        if changed is not None:
            await client.update(changed)
    except ClientError as error:
        if error.code not in (404, 409):
            raise


def _mended_role(found: Role | ClusterRole, wanted: Role | ClusterRole) -> Role | ClusterRole | None:
    changed: Role | ClusterRole = found.copy_deep()
    changed.metadata.labels = {**(found.metadata.labels or {}), **(wanted.metadata.labels or {})}
    if isinstance(changed, ClusterRole) and isinstance(wanted, ClusterRole) and wanted.aggregationRule is not None:
        changed.aggregationRule = changed.aggregationRule or wanted.aggregationRule
    else:
        missing = uncovered(found.rules or (), wanted.rules or ())
        changed.rules = [*(changed.rules or ()), *compact(missing)] or None
    return None if changed == found else changed


def _mended_binding(found: Binding, wanted: Binding) -> Binding | None:
    missing = [subject for subject in wanted.subjects or () if subject not in (found.subjects or ())]
    if not missing:
        return None
    changed: Binding = found.copy_deep()
    changed.subjects = [*(changed.subjects or ()), *missing]
    return changed
