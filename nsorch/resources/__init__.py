"""Every kind as a pydantic model and one registry row. Pure: no I/O, no clock."""

from __future__ import annotations

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
