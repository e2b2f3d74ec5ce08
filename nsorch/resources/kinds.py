"""``REGISTRY``: every kind this cluster serves. A new kind is one model, one row, and its line here."""

from __future__ import annotations

from nsorch.resources.apps_kinds import DEPLOYMENT, REPLICA_SET
from nsorch.resources.cluster_kinds import LEASE, NAMESPACE, NODE, SERVICE_ACCOUNT
from nsorch.resources.config_kinds import CONFIG_MAP, SECRET
from nsorch.resources.definition_kind import CUSTOM_RESOURCE_DEFINITION
from nsorch.resources.endpoint_kinds import ENDPOINT_SLICE, ENDPOINTS
from nsorch.resources.event_kind import EVENT
from nsorch.resources.events_kind import EVENTS_EVENT
from nsorch.resources.pod_kind import POD
from nsorch.resources.rbac_kinds import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING
from nsorch.resources.registry import Registry
from nsorch.resources.service_kind import SERVICE

REGISTRY = Registry(
    (
        CONFIG_MAP,
        ENDPOINTS,
        EVENT,
        NAMESPACE,
        NODE,
        POD,
        SECRET,
        SERVICE_ACCOUNT,
        SERVICE,
        DEPLOYMENT,
        REPLICA_SET,
        CUSTOM_RESOURCE_DEFINITION,
        LEASE,
        ENDPOINT_SLICE,
        EVENTS_EVENT,
        CLUSTER_ROLE_BINDING,
        CLUSTER_ROLE,
        ROLE_BINDING,
        ROLE,
    )
)
