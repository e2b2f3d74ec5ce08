"""RBAC: who may do what, from the roles and bindings in the store.

Bindings are indexed by subject and roles are laid out once, when they are first needed after a change; a question then
costs a few dictionary look-ups for each binding of the user and its groups. Members of ``system:masters`` may do
everything, whatever the store says: that is the way back for whoever locked all others out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nsorch.api.access.attributes import Attributes
from nsorch.api.access.rules import FULL, RuleSet
from nsorch.api.access.user import MASTERS, User
from nsorch.resources.rbac import ClusterRoleBinding, PolicyRule, RoleBinding, RoleRef, Subject
from nsorch.store import Record, Store

ROLES = "roles.rbac.authorization.k8s.io"
CLUSTER_ROLES = "clusterroles.rbac.authorization.k8s.io"
ROLE_BINDINGS = "rolebindings.rbac.authorization.k8s.io"
CLUSTER_ROLE_BINDINGS = "clusterrolebindings.rbac.authorization.k8s.io"
ACCOUNT_PREFIX = "system:serviceaccount:"
EMPTY = RuleSet(())


@dataclass(frozen=True, slots=True)
class Grant:
    """One binding, seen from a subject. ``namespace`` "" is the whole cluster."""

    namespace: str
    role: RoleRef
    binding: str
    subject: Subject

    def reason(self) -> str:
        kind = "RoleBinding" if self.namespace else "ClusterRoleBinding"
        key = f"{self.binding}/{self.namespace}" if self.namespace else self.binding
        who = f'{self.subject.kind} "{self.subject.name}"'
        if self.subject.kind == "ServiceAccount":
            who = f'ServiceAccount "{self.subject.name}/{self.subject.namespace or self.namespace}"'
        return f'RBAC: allowed by {kind} "{key}" of {self.role.kind} "{self.role.name}" to {who}'


Subjects = dict[tuple[str, str], list[Grant]]


class Authorizer:
    """Answers from memory; ``close`` ends its subscriptions."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._subjects: Subjects | None = None
        self._rules: dict[tuple[str, str], RuleSet] = {}
        self._leave: list[Callable[[], None]] = [
            store.subscribe(resource, lambda _: self._forget_bindings())
            for resource in (ROLE_BINDINGS, CLUSTER_ROLE_BINDINGS)
        ]
        self._leave += [store.subscribe(resource, lambda _: self._rules.clear()) for resource in (ROLES, CLUSTER_ROLES)]

    def close(self) -> None:
        for leave in self._leave:
            leave()
        self._leave.clear()

    def allows(self, user: User, asked: Attributes) -> bool:
        """Whether the user may."""
        if MASTERS in user.groups:
            return True
        return any(self._role(grant).allows(asked) for grant in self._grants(user, asked.namespace))

    def why(self, user: User, asked: Attributes) -> str | None:
        """The reason for which the user may; None if it may not."""
        if MASTERS in user.groups:
            return f'group "{MASTERS}" may do everything'
        for grant in self._grants(user, asked.namespace):
            if self._role(grant).allows(asked):
                return grant.reason()
        return None

    def rules(self, user: User, namespace: str) -> list[PolicyRule]:
        """Every rule that holds for the user in a namespace ("": in the whole cluster)."""
        if MASTERS in user.groups:
            return list(FULL)
        return [rule for grant in self._grants(user, namespace) for rule in self._role(grant).rules]

    def role(self, ref: RoleRef, namespace: str) -> RuleSet | None:
        """The rules of a role; None if there is no such role."""
        resource, place = (CLUSTER_ROLES, "") if ref.kind == "ClusterRole" else (ROLES, namespace)
        found = self._rules.get((place, ref.name))
        if found is None:
            record = self._store.get(resource, place or None, ref.name)
            if record is None:
                return None
            found = self._rules[place, ref.name] = RuleSet(getattr(record.obj, "rules", None) or ())
        return found

    def _role(self, grant: Grant) -> RuleSet:
        return self.role(grant.role, grant.namespace) or EMPTY

    def _grants(self, user: User, namespace: str) -> Iterator[Grant]:
        subjects = self._subjects
        if subjects is None:
            subjects = self._subjects = self._index()
        for key in (("User", user.name), *(("Group", group) for group in user.groups)):
            for grant in subjects.get(key, ()):
                if not grant.namespace or grant.namespace == namespace:
                    yield grant

    def _forget_bindings(self) -> None:
        self._subjects = None

    def _index(self) -> Subjects:
        subjects: Subjects = {}
        for resource in (CLUSTER_ROLE_BINDINGS, ROLE_BINDINGS):
            for record in self._store.list(resource):
                for subject, grant in _of_binding(record):
                    subjects.setdefault(subject, []).append(grant)
        return subjects


def _of_binding(record: Record) -> Iterator[tuple[tuple[str, str], Grant]]:
    binding = record.obj
    assert isinstance(binding, RoleBinding | ClusterRoleBinding)
    for subject in binding.subjects or ():
        grant = Grant(record.namespace, binding.roleRef, record.name, subject)
        match subject.kind:
            case "User" | "Group":
                yield (subject.kind, subject.name), grant
            case "ServiceAccount" if subject.namespace or record.namespace:
                name = f"{ACCOUNT_PREFIX}{subject.namespace or record.namespace}:{subject.name}"
                yield ("User", name), grant
