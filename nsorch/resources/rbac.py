"""Who may do what (rbac.authorization.k8s.io/v1): roles say what, bindings say who."""

from __future__ import annotations

from typing import Annotated, ClassVar

from nsorch.resources.base import Model
from nsorch.resources.common import LabelSelector
from nsorch.resources.merging import ATOMIC
from nsorch.resources.meta import Resource

GROUP = "rbac.authorization.k8s.io"


class PolicyRule(Model):
    """Verbs allowed on resources, or on paths that are no resources."""

    apiGroups: Annotated[list[str] | None, ATOMIC] = None
    """Groups of the resources; "" is the core group, "*" all."""
    nonResourceURLs: Annotated[list[str] | None, ATOMIC] = None
    """Paths; a "*" at the end stands for anything. Only in ClusterRoles."""
    resourceNames: Annotated[list[str] | None, ATOMIC] = None
    """The only objects meant; empty means all."""
    resources: Annotated[list[str] | None, ATOMIC] = None
    """Plurals, ``PLURAL/SUBRESOURCE``, ``*/SUBRESOURCE`` or "*"."""
    verbs: Annotated[list[str], ATOMIC]
    """What is allowed; "*" is everything."""


class AggregationRule(Model):
    """Which ClusterRoles a ClusterRole is made of."""

    clusterRoleSelectors: Annotated[list[LabelSelector] | None, ATOMIC] = None
    """The rules of every ClusterRole that one of these selects."""


class Role(Resource):
    """What is allowed, within one namespace."""

    GROUP_VERSION: ClassVar[str] = "rbac.authorization.k8s.io/v1"
    KIND: ClassVar[str] = "Role"

    rules: Annotated[list[PolicyRule] | None, ATOMIC] = None
    """Everything that the role allows; nothing forbids."""


class ClusterRole(Resource):
    """What is allowed: in the whole cluster, or in the namespace of the RoleBinding that names it."""

    GROUP_VERSION: ClassVar[str] = "rbac.authorization.k8s.io/v1"
    KIND: ClassVar[str] = "ClusterRole"

    aggregationRule: AggregationRule | None = None
    """Makes ``rules`` from other ClusterRoles; what is written there by hand is replaced."""
    rules: Annotated[list[PolicyRule] | None, ATOMIC] = None
    """Everything that the role allows; nothing forbids."""


class Subject(Model):
    """Who: a user, a group, or a ServiceAccount."""

    apiGroup: str | None = None
    """Empty for ServiceAccounts, rbac.authorization.k8s.io for users and groups."""
    kind: str
    """User, Group or ServiceAccount."""
    name: str
    """Of the subject."""
    namespace: str | None = None
    """Of the ServiceAccount."""


class RoleRef(Model):
    """The role that a binding gives; never changes."""

    apiGroup: str
    kind: str
    """Role or ClusterRole."""
    name: str


class RoleBinding(Resource):
    """Gives a role to subjects, within one namespace."""

    GROUP_VERSION: ClassVar[str] = "rbac.authorization.k8s.io/v1"
    KIND: ClassVar[str] = "RoleBinding"

    roleRef: RoleRef
    """The role given."""
    subjects: Annotated[list[Subject] | None, ATOMIC] = None
    """Who gets it."""


class ClusterRoleBinding(Resource):
    """Gives a ClusterRole to subjects, in the whole cluster."""

    GROUP_VERSION: ClassVar[str] = "rbac.authorization.k8s.io/v1"
    KIND: ClassVar[str] = "ClusterRoleBinding"

    roleRef: RoleRef
    """The role given."""
    subjects: Annotated[list[Subject] | None, ATOMIC] = None
    """Who gets it."""
