"""What the fields of every other kind do here."""

from __future__ import annotations

from typing import Any

from nsorch.resources.account import ServiceAccount
from nsorch.resources.apps import DeploymentSpec, DeploymentStrategy, ReplicaSetSpec
from nsorch.resources.config import ConfigMap, Secret
from nsorch.resources.definition import CustomResourceDefinitionSpec
from nsorch.resources.endpoints import Endpoints
from nsorch.resources.endpointslice import EndpointSlice
from nsorch.resources.event import Event
from nsorch.resources.events import Event as NewerEvent
from nsorch.resources.lease import LeaseSpec
from nsorch.resources.namespace import NamespaceSpec
from nsorch.resources.node import NodeSpec
from nsorch.resources.rbac import GROUP, ClusterRole, ClusterRoleBinding, Role, RoleBinding
from nsorch.resources.service import ServicePort, ServiceSpec
from scripts.compatibility.pods import CONTAINER
from scripts.compatibility.statement import Section, partly, refused, warned, works


def _object(kind: str, version: str = "v1", **fields: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "one", "namespace": "default"}, **fields}


def _of_cluster(kind: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "one"}, **fields}


DEFINITION: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "ones.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "ones", "kind": "One"},
        "versions": [
            {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}},
        ],
    },
}
LABELS = {"app": "web"}
TEMPLATE = {"metadata": {"labels": LABELS}, "spec": {"containers": [CONTAINER]}}
WORKLOAD = {"selector": {"matchLabels": LABELS}, "template": TEMPLATE}
SLICE = "discovery.k8s.io/v1"
RBAC = f"{GROUP}/v1"
GIVES = {"roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": "view"}}
NEWER_EVENT = _object(
    "Event",
    "events.k8s.io/v1",
    eventTime="2026-01-02T03:04:05.678901Z",
    type="Normal",
    reason="Seen",
    action="Looking",
    reportingController="example.com/watcher",
    reportingInstance="watcher-1",
    regarding={"kind": "Pod", "name": "web", "namespace": "default"},
)

KIND_SECTIONS = (
    Section(
        "ConfigMap",
        ConfigMap,
        _object("ConfigMap"),
        "",
        works("data binaryData immutable"),
    ),
    Section(
        "Secret",
        Secret,
        _object("Secret"),
        "",
        (*works("data stringData immutable type"),),
    ),
    Section("Role", Role, _object("Role", RBAC), "", works("rules")),
    Section(
        "ClusterRole",
        ClusterRole,
        _of_cluster("ClusterRole") | {"apiVersion": RBAC},
        "",
        works("rules aggregationRule"),
    ),
    Section("RoleBinding", RoleBinding, _object("RoleBinding", RBAC, **GIVES), "", works("roleRef subjects")),
    Section(
        "ClusterRoleBinding",
        ClusterRoleBinding,
        _of_cluster("ClusterRoleBinding", **GIVES) | {"apiVersion": RBAC},
        "",
        works("roleRef subjects"),
    ),
    Section(
        "ServiceAccount",
        ServiceAccount,
        _object("ServiceAccount"),
        "",
        (
            *works("automountServiceAccountToken"),
            warned("imagePullSecrets", "copied to Pods; images are not pulled", [{"name": "registry"}]),
            warned("secrets", "any Secret may be mounted", [{"name": "token"}]),
        ),
    ),
    Section(
        "Service spec",
        ServiceSpec,
        _object("Service", spec={"selector": LABELS, "ports": [{"port": 80}]}),
        "spec",
        (
            *works("selector clusterIP clusterIPs externalIPs externalName publishNotReadyAddresses"),
            *works("sessionAffinity sessionAffinityConfig"),
            *works("allocateLoadBalancerNodePorts"),
            *works("loadBalancerSourceRanges", "guards the addresses of `status.loadBalancer`"),
            *works(
                "externalTrafficPolicy internalTrafficPolicy trafficDistribution",
                "every endpoint is on this node, and client addresses are always kept",
            ),
            partly("type", "ClusterIP, NodePort, ExternalName; LoadBalancer without a balancer", "LoadBalancer"),
            partly("ports", "TCP and UDP; see below", [{"port": 80, "protocol": "SCTP"}]),
            partly("ipFamilies", "IPv4", ["IPv6"]),
            partly("ipFamilyPolicy", "SingleStack, PreferDualStack", "RequireDualStack"),
            warned("loadBalancerIP", "no load balancer", "10.0.0.1"),
            warned("loadBalancerClass", "no load balancer", "example.com/lb", {"spec.type": "LoadBalancer"}),
            warned("healthCheckNodePort", "no load balancer asks for it", 30100,
                {"spec.type": "LoadBalancer", "spec.externalTrafficPolicy": "Local"}),
        ),
    ),
    Section(
        "Service port",
        ServicePort,
        _object("Service", spec={"selector": LABELS, "ports": [{"port": 80}]}),
        "spec.ports.0",
        (
            *works("name port targetPort nodePort"),
            *works("appProtocol", "carried to EndpointSlices; traffic is not looked into"),
            partly("protocol", "TCP, UDP; SCTP where the kernel has it", "SCTP"),
        ),
    ),
    Section(
        "Deployment spec",
        DeploymentSpec,
        _object("Deployment", "apps/v1", spec=WORKLOAD),
        "spec",
        (
            *works("selector replicas strategy minReadySeconds progressDeadlineSeconds paused revisionHistoryLimit"),
            partly("template", "as Pods", TEMPLATE | {"spec": {"containers": [CONTAINER], "runtimeClassName": "x"}}),
        ),
    ),
    Section(
        "Deployment strategy",
        DeploymentStrategy,
        _object("Deployment", "apps/v1", spec=WORKLOAD | {"strategy": {}}),
        "spec.strategy",
        works("type rollingUpdate"),
    ),
    Section(
        "ReplicaSet spec",
        ReplicaSetSpec,
        _object("ReplicaSet", "apps/v1", spec=WORKLOAD),
        "spec",
        (
            *works("selector replicas minReadySeconds"),
            partly("template", "as Pods", TEMPLATE | {"spec": {"containers": [CONTAINER], "runtimeClassName": "x"}}),
        ),
    ),
    Section(
        "Namespace spec",
        NamespaceSpec,
        _of_cluster("Namespace"),
        "spec",
        works("finalizers", "through `namespaces/finalize`; a Namespace goes when its content has gone"),
    ),
    Section(
        "Node spec",
        NodeSpec,
        _of_cluster("Node"),
        "spec",
        (
            *works("unschedulable"),
            *works("podCIDR podCIDRs", "written by the node; cannot change"),
            *works("providerID", "kept for clients; cannot change"),
            partly("taints", "NoSchedule; NoExecute keeps Pods away without evicting",
                [{"key": "x", "effect": "NoExecute"}]),
            warned("configSource", "deprecated", {"configMap": {"name": "c", "namespace": "n", "kubeletConfigKey": "k"}}),
            warned("externalID", "deprecated", "x"),
        ),
    ),
    Section(
        "CustomResourceDefinition spec",
        CustomResourceDefinitionSpec,
        DEFINITION,
        "spec",
        (
            *works("group names scope"),
            *works(
                "versions",
                "several versions, structural schemas (pruning, defaults, nullable, formats, list and map types, embedded "
                "objects), rules (CEL; not: two-variable comprehensions, cost limits, checks of types before a rule runs; "
                "times are text and want `timestamp()` or `duration()`), status, "
                "scale, columns, selectable fields; read here as soon as the answer is out",
            ),
            refused("conversion", "strategy None only: no webhooks", {"strategy": "Webhook"}),
            refused("preserveUnknownFields", "only false, as in Kubernetes", True),
        ),
    ),
    Section(
        "Lease spec",
        LeaseSpec,
        _object("Lease", "coordination.k8s.io/v1"),
        "spec",
        (
            *works("holderIdentity leaseDurationSeconds acquireTime renewTime leaseTransitions", "kept for clients"),
            warned("preferredHolder", "leaders are not chosen by the server", "me"),
            warned("strategy", "leaders are not chosen by the server", "OldestEmulationVersion"),
        ),
    ),
    Section(
        "EndpointSlice",
        EndpointSlice,
        _object("EndpointSlice", SLICE, addressType="IPv4", endpoints=[]),
        "",
        (
            *works("endpoints", "conditions decide about traffic and DNS; zones and hints make no difference"),
            *works("ports"),
            partly("addressType", "IPv4", "IPv6"),
        ),
    ),
    Section(
        "Endpoints",
        Endpoints,
        _object("Endpoints"),
        "",
        works("subsets", "kept in step with EndpointSlices both ways; the kind is deprecated, which a Warning says"),
    ),
    Section(
        "Event",
        Event,
        _object("Event", involvedObject={"kind": "Pod", "name": "web", "namespace": "default"}),
        "",
        (
            *works("involvedObject type reason message action count firstTimestamp lastTimestamp eventTime series"),
            *works("source reportingComponent reportingInstance related"),
        ),
    ),
    Section(
        "Event of events.k8s.io",
        NewerEvent,
        NEWER_EVENT,
        "",
        (
            *works("regarding related note reason type action series reportingController reportingInstance"),
            *works("eventTime", "of Events without one, the time of their first occurrence is shown"),
            refused("deprecatedCount", "as in Kubernetes: shown only", 2),
            refused("deprecatedFirstTimestamp", "as in Kubernetes: shown only", "2026-01-02T03:04:05Z"),
            refused("deprecatedLastTimestamp", "as in Kubernetes: shown only", "2026-01-02T03:04:05Z"),
            refused("deprecatedSource", "as in Kubernetes: shown only", {"component": "me"}),
        ),
    ),
)  # fmt: skip

NOT_SERVED = [
    "StatefulSet",
    "DaemonSet",
    "Job",
    "CronJob",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
    "Ingress",
    "IngressClass",
    "NetworkPolicy",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "StorageClass",
    "PriorityClass",
    "RuntimeClass",
    "ResourceQuota",
    "LimitRange",
    "ReplicationController",
    "PodTemplate",
    "ValidatingAdmissionPolicy",
    "MutatingWebhookConfiguration",
]
"""Common kinds that are answered with 404."""
