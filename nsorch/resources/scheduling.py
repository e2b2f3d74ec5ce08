"""Where a Pod may run: node selectors, affinity, taints and tolerations, topology spread."""

from __future__ import annotations

from typing import Annotated

from nsorch.resources.base import Model
from nsorch.resources.common import LabelSelector
from nsorch.resources.merging import ATOMIC
from nsorch.resources.meta import Time
from nsorch.resources.scalars import Int32, Int64


class NodeSelectorRequirement(Model):
    """``NodeSelectorRequirement``."""

    key: str
    operator: str
    values: Annotated[list[str] | None, ATOMIC] = None


class NodeSelectorTerm(Model):
    """``NodeSelectorTerm``."""

    matchExpressions: Annotated[list[NodeSelectorRequirement] | None, ATOMIC] = None
    matchFields: Annotated[list[NodeSelectorRequirement] | None, ATOMIC] = None


class NodeSelector(Model):
    """``NodeSelector``."""

    nodeSelectorTerms: Annotated[list[NodeSelectorTerm], ATOMIC]


class PreferredSchedulingTerm(Model):
    """``PreferredSchedulingTerm``."""

    preference: NodeSelectorTerm
    weight: Int32


class NodeAffinity(Model):
    """``NodeAffinity``."""

    preferredDuringSchedulingIgnoredDuringExecution: Annotated[list[PreferredSchedulingTerm] | None, ATOMIC] = None
    requiredDuringSchedulingIgnoredDuringExecution: NodeSelector | None = None


class PodAffinityTerm(Model):
    """``PodAffinityTerm``."""

    topologyKey: str
    labelSelector: LabelSelector | None = None
    matchLabelKeys: Annotated[list[str] | None, ATOMIC] = None
    mismatchLabelKeys: Annotated[list[str] | None, ATOMIC] = None
    namespaceSelector: LabelSelector | None = None
    namespaces: Annotated[list[str] | None, ATOMIC] = None


class WeightedPodAffinityTerm(Model):
    """``WeightedPodAffinityTerm``."""

    podAffinityTerm: PodAffinityTerm
    weight: Int32


class PodAffinity(Model):
    """``PodAffinity``."""

    preferredDuringSchedulingIgnoredDuringExecution: Annotated[list[WeightedPodAffinityTerm] | None, ATOMIC] = None
    requiredDuringSchedulingIgnoredDuringExecution: Annotated[list[PodAffinityTerm] | None, ATOMIC] = None


class PodAntiAffinity(Model):
    """``PodAntiAffinity``."""

    preferredDuringSchedulingIgnoredDuringExecution: Annotated[list[WeightedPodAffinityTerm] | None, ATOMIC] = None
    requiredDuringSchedulingIgnoredDuringExecution: Annotated[list[PodAffinityTerm] | None, ATOMIC] = None


class Affinity(Model):
    """``Affinity``."""

    nodeAffinity: NodeAffinity | None = None
    podAffinity: PodAffinity | None = None
    podAntiAffinity: PodAntiAffinity | None = None


class Taint(Model):
    """``Taint``."""

    effect: str
    key: str
    timeAdded: Time | None = None
    value: str | None = None


class Toleration(Model):
    """``Toleration``."""

    effect: str | None = None
    key: str | None = None
    operator: str | None = None
    tolerationSeconds: Int64 | None = None
    value: str | None = None


class TopologySpreadConstraint(Model):
    """``TopologySpreadConstraint``."""

    maxSkew: Int32
    topologyKey: str
    whenUnsatisfiable: str
    labelSelector: LabelSelector | None = None
    matchLabelKeys: Annotated[list[str] | None, ATOMIC] = None
    minDomains: Int32 | None = None
    nodeAffinityPolicy: str | None = None
    nodeTaintsPolicy: str | None = None
