"""The roles and bindings that every cluster has, as Kubernetes ships them. Roles of components that are no programs of
their own here (kube-scheduler, the controllers) are left out: nothing could use them.

Source: kubernetes ``plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nsorch.resources.common import LabelSelector
from nsorch.resources.meta import ObjectMeta
from nsorch.resources.rbac import (
    GROUP,
    AggregationRule,
    ClusterRole,
    ClusterRoleBinding,
    PolicyRule,
    Role,
    RoleBinding,
    RoleRef,
    Subject,
)

AUTOUPDATE = "rbac.authorization.kubernetes.io/autoupdate"
_LABELS = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-"
READ = ("get", "list", "watch")
WRITE = ("create", "delete", "deletecollection", "patch", "update")
_SCALABLE = ("deployments", "replicasets", "statefulsets")
_HEALTH = ("/healthz", "/livez", "/readyz", "/version", "/version/")


def on(group: str | Sequence[str], resources: str, verbs: Sequence[str]) -> PolicyRule:
    """A rule; ``resources`` are separated by spaces."""
    groups = [group] if isinstance(group, str) else list(group)
    return PolicyRule(apiGroups=groups, resources=resources.split(), verbs=list(verbs))


def paths(*urls: str) -> PolicyRule:
    return PolicyRule(nonResourceURLs=list(urls), verbs=["get"])


def cluster_roles() -> list[ClusterRole]:
    """Every default ClusterRole."""
    view, edit, admin = _view(), _edit(), _admin()
    return [
        _role("cluster-admin", PolicyRule(apiGroups=["*"], resources=["*"], verbs=["*"]), _everywhere()),
        _made_of("admin"),
        _made_of("edit", **{_AGGREGATE + "admin": "true"}),
        _made_of("view", **{_AGGREGATE + "edit": "true"}),
        _role("system:aggregate-to-admin", *admin, labels={_AGGREGATE + "admin": "true"}),
        _role("system:aggregate-to-edit", *edit, labels={_AGGREGATE + "edit": "true"}),
        _role("system:aggregate-to-view", *view, labels={_AGGREGATE + "view": "true"}),
        _role(
            "system:auth-delegator",
            on("authentication.k8s.io", "tokenreviews", ["create"]),
            on("authorization.k8s.io", "subjectaccessreviews", ["create"]),
        ),
        _role(
            "system:basic-user",
            on("authorization.k8s.io", "selfsubjectaccessreviews selfsubjectrulesreviews", ["create"]),
            on("authentication.k8s.io", "selfsubjectreviews", ["create"]),
        ),
        _role(
            "system:discovery",
            paths("/api", "/api/*", "/apis", "/apis/*", *_HEALTH[:3], "/openapi", "/openapi/*", *_HEALTH[3:]),
        ),
        _role("system:public-info-viewer", paths(*_HEALTH)),
        _role(
            "system:monitoring",
            paths("/healthz", "/healthz/*", "/livez", "/livez/*", "/metrics", "/metrics/slis", "/readyz", "/readyz/*"),
        ),
        _role(
            "system:service-account-issuer-discovery",
            paths(
                "/.well-known/openid-configuration",
                "/.well-known/openid-configuration/",
                "/openid/v1/jwks",
                "/openid/v1/jwks/",
            ),
        ),
        _role(
            "system:kubelet-api-admin",
            on("", "nodes", [*READ, "proxy"]),
            on("", "nodes/log nodes/metrics nodes/proxy nodes/stats", ["*"]),
        ),
    ]


def cluster_role_bindings() -> list[ClusterRoleBinding]:
    """Every default ClusterRoleBinding."""
    everybody = [_group("system:authenticated"), _group("system:unauthenticated")]
    accounts = [_group("system:serviceaccounts")]
    return [
        _binding("cluster-admin", [_group("system:masters")]),
        _binding("system:basic-user", everybody[:1]),
        _binding("system:discovery", everybody[:1]),
        _binding("system:monitoring", [_group("system:monitoring")]),
        _binding("system:public-info-viewer", everybody),
        _binding("system:service-account-issuer-discovery", accounts),
    ]


def roles() -> list[Role]:
    """Default Roles, in ``kube-system``."""
    rule = on("", "configmaps", READ)
    rule.resourceNames = ["extension-apiserver-authentication"]
    return [Role(metadata=_meta("extension-apiserver-authentication-reader", {}, "kube-system"), rules=[rule])]


def role_bindings() -> list[RoleBinding]:
    """No component needs one."""
    return []


def _everywhere() -> PolicyRule:
    return PolicyRule(nonResourceURLs=["*"], verbs=["*"])


def _admin() -> list[PolicyRule]:
    return [
        on("authorization.k8s.io", "localsubjectaccessreviews", ["create"]),
        on(GROUP, "rolebindings roles", sorted((*READ, *WRITE))),
    ]


def _edit() -> list[PolicyRule]:
    streams = "pods/attach pods/exec pods/portforward pods/proxy"
    scales = " ".join(f"{plural}/scale" for plural in _SCALABLE)
    return [
        on("", f"{streams} secrets services/proxy", READ),
        on("", "serviceaccounts", ["impersonate"]),
        on("", f"pods {streams}", WRITE),
        on("", "pods/eviction", ["create"]),
        on(
            "",
            "configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets "
            "serviceaccounts services services/proxy",
            WRITE,
        ),
        on("", "serviceaccounts/token", ["create"]),
        on("apps", f"daemonsets deployments/rollback {' '.join(_SCALABLE)} {scales}", WRITE),
        on("autoscaling", "horizontalpodautoscalers", WRITE),
        on("batch", "cronjobs jobs", WRITE),
        on("policy", "poddisruptionbudgets", WRITE),
        on("networking.k8s.io", "ingresses networkpolicies", WRITE),
        on("coordination.k8s.io", "leases", sorted((*READ, *WRITE))),
    ]


def _view() -> list[PolicyRule]:
    with_status = " ".join(f"{plural} {plural}/scale {plural}/status" for plural in _SCALABLE)
    return [
        on(
            "",
            "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers "
            "replicationcontrollers/scale serviceaccounts services services/status",
            READ,
        ),
        on(
            "",
            "bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status "
            "resourcequotas resourcequotas/status",
            READ,
        ),
        on("", "namespaces", READ),
        on("discovery.k8s.io", "endpointslices", READ),
        on("apps", f"controllerrevisions daemonsets daemonsets/status {with_status}", READ),
        on("autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status", READ),
        on("batch", "cronjobs cronjobs/status jobs jobs/status", READ),
        on("policy", "poddisruptionbudgets poddisruptionbudgets/status", READ),
        on("networking.k8s.io", "ingresses ingresses/status networkpolicies", READ),
    ]


def _meta(name: str, labels: Mapping[str, str], namespace: str | None = None) -> ObjectMeta:
    return ObjectMeta(name=name, namespace=namespace, labels={**_LABELS, **labels}, annotations={AUTOUPDATE: "true"})


def _role(name: str, *rules: PolicyRule, labels: Mapping[str, str] | None = None) -> ClusterRole:
    return ClusterRole(metadata=_meta(name, labels or {}), rules=list(rules))


def _made_of(name: str, **labels: str) -> ClusterRole:
    selector = LabelSelector(matchLabels={_AGGREGATE + name: "true"})
    return ClusterRole(metadata=_meta(name, labels), aggregationRule=AggregationRule(clusterRoleSelectors=[selector]))


def _group(name: str) -> Subject:
    return Subject(apiGroup=GROUP, kind="Group", name=name)


def _binding(role: str, subjects: list[Subject]) -> ClusterRoleBinding:
    ref = RoleRef(apiGroup=GROUP, kind="ClusterRole", name=role)
    return ClusterRoleBinding(metadata=_meta(role, {}), roleRef=ref, subjects=subjects)
