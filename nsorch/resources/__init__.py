"""Every kind as a pydantic model and one registry row. Pure: no I/O, no clock.

The names below load their module when first used, so that a program that needs only ``names`` or ``quantity`` does
not load pydantic and every model.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nsorch.resources.account import ServiceAccount
    from nsorch.resources.apps import Deployment, ReplicaSet
    from nsorch.resources.common import Condition, LabelSelector, LabelSelectorRequirement, ObjectReference
    from nsorch.resources.config import ConfigMap, Secret
    from nsorch.resources.container import Container
    from nsorch.resources.endpoints import Endpoints
    from nsorch.resources.endpointslice import EndpointSlice
    from nsorch.resources.event import Event
    from nsorch.resources.lease import Lease
    from nsorch.resources.meta import ObjectMeta, OwnerReference, Resource
    from nsorch.resources.namespace import Namespace
    from nsorch.resources.node import Node
    from nsorch.resources.pod import Pod, PodTemplateSpec
    from nsorch.resources.scale import Scale
    from nsorch.resources.service import Service

__all__ = [
    "Condition",
    "ConfigMap",
    "Container",
    "Deployment",
    "EndpointSlice",
    "Endpoints",
    "Event",
    "LabelSelector",
    "LabelSelectorRequirement",
    "Lease",
    "Namespace",
    "Node",
    "ObjectMeta",
    "ObjectReference",
    "OwnerReference",
    "Pod",
    "PodTemplateSpec",
    "ReplicaSet",
    "Resource",
    "Scale",
    "Secret",
    "Service",
    "ServiceAccount",
]

_HOME = {
    "Condition": "common",
    "ConfigMap": "config",
    "Container": "container",
    "Deployment": "apps",
    "EndpointSlice": "endpointslice",
    "Endpoints": "endpoints",
    "Event": "event",
    "LabelSelector": "common",
    "LabelSelectorRequirement": "common",
    "Lease": "lease",
    "Namespace": "namespace",
    "Node": "node",
    "ObjectMeta": "meta",
    "ObjectReference": "common",
    "OwnerReference": "meta",
    "Pod": "pod",
    "PodTemplateSpec": "pod",
    "ReplicaSet": "apps",
    "Resource": "meta",
    "Scale": "scale",
    "Secret": "config",
    "Service": "service",
    "ServiceAccount": "account",
}


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
