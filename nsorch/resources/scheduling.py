"""Where a Pod may run: node selectors, affinity, taints and tolerations, topology spread."""

from __future__ import annotations

from typing import Annotated

from nsorch.resources.base import Model
from nsorch.resources.common import LabelSelector
from nsorch.resources.merging import ATOMIC
from nsorch.resources.meta import Time
from nsorch.resources.scalars import Int32, Int64


class NodeSelectorRequirement(Model):
    """One condition on a label or field of a node."""

    key: str
    """The label or field."""
    operator: str
    """How the values are compared: In, NotIn, Exists, DoesNotExist (nodes also Gt, Lt)."""
    values: Annotated[list[str] | None, ATOMIC] = None
    """What it is compared with."""


class NodeSelectorTerm(Model):
    """Conditions on a node that must all hold."""

    matchExpressions: Annotated[list[NodeSelectorRequirement] | None, ATOMIC] = None
    """Conditions on labels."""
    matchFields: Annotated[list[NodeSelectorRequirement] | None, ATOMIC] = None
    """Conditions on fields."""


class NodeSelector(Model):
    """Terms of which at least one must hold."""

    nodeSelectorTerms: Annotated[list[NodeSelectorTerm], ATOMIC]
    """Terms of which one must hold."""


class PreferredSchedulingTerm(Model):
    """A wish about nodes, with a weight."""

    preference: NodeSelectorTerm
    weight: Int32
    """How much the wish counts, 1 to 100."""


class NodeAffinity(Model):
    """Which nodes a Pod must or would rather run on."""

    preferredDuringSchedulingIgnoredDuringExecution: Annotated[list[PreferredSchedulingTerm] | None, ATOMIC] = None
    """What should hold when the Pod is placed; the best sum of weights wins."""
    requiredDuringSchedulingIgnoredDuringExecution: NodeSelector | None = None
    """What must hold when the Pod is placed."""


class PodAffinityTerm(Model):
    """Pods that a Pod is near to or far from, and what near means."""

    topologyKey: str
    """The node label whose equal values mean the same place."""
    labelSelector: LabelSelector | None = None
    """Which Pods are meant."""
    matchLabelKeys: Annotated[list[str] | None, ATOMIC] = None
    mismatchLabelKeys: Annotated[list[str] | None, ATOMIC] = None
    namespaceSelector: LabelSelector | None = None
    """In which namespaces, by label."""
    namespaces: Annotated[list[str] | None, ATOMIC] = None
    """In which namespaces; the Pod's own if not set."""


class WeightedPodAffinityTerm(Model):
    """A wish about other Pods, with a weight."""

    podAffinityTerm: PodAffinityTerm
    weight: Int32
    """How much the wish counts, 1 to 100."""


class PodAffinity(Model):
    """Which other Pods a Pod must or would rather be near to."""

    preferredDuringSchedulingIgnoredDuringExecution: Annotated[list[WeightedPodAffinityTerm] | None, ATOMIC] = None
    """What should hold when the Pod is placed; the best sum of weights wins."""
    requiredDuringSchedulingIgnoredDuringExecution: Annotated[list[PodAffinityTerm] | None, ATOMIC] = None
    """What must hold when the Pod is placed."""


class PodAntiAffinity(Model):
    """Which other Pods a Pod must or would rather keep away from."""

    preferredDuringSchedulingIgnoredDuringExecution: Annotated[list[WeightedPodAffinityTerm] | None, ATOMIC] = None
    """What should hold when the Pod is placed; the best sum of weights wins."""
    requiredDuringSchedulingIgnoredDuringExecution: Annotated[list[PodAffinityTerm] | None, ATOMIC] = None
    """What must hold when the Pod is placed."""


class Affinity(Model):
    """Where a Pod must or would rather run."""

    nodeAffinity: NodeAffinity | None = None
    """About nodes."""
    podAffinity: PodAffinity | None = None
    """Near which other Pods."""
    podAntiAffinity: PodAntiAffinity | None = None
    """Away from which other Pods."""


class Taint(Model):
    """Keeps Pods away from a node that do not tolerate it."""

    effect: str
    """NoSchedule, PreferNoSchedule or NoExecute."""
    key: str
    """The key of the taint."""
    timeAdded: Time | None = None
    """When it was added."""
    value: str | None = None
    """The value of the taint."""


class Toleration(Model):
    """Lets a Pod run on nodes with a matching taint."""

    effect: str | None = None
    """The effect of the taint; all of them if empty."""
    key: str | None = None
    """The key of the taint; empty with Exists tolerates everything."""
    operator: str | None = None
    """Equal (the default) or Exists."""
    tolerationSeconds: Int64 | None = None
    """How long NoExecute is tolerated; forever if not set."""
    value: str | None = None
    """The value of the taint, with Equal."""


class TopologySpreadConstraint(Model):
    """How evenly matching Pods are spread over parts of the cluster."""

    maxSkew: Int32
    """By how many Pods places may differ."""
    topologyKey: str
    """The node label whose equal values mean the same place."""
    whenUnsatisfiable: str
    """DoNotSchedule or ScheduleAnyway."""
    labelSelector: LabelSelector | None = None
    """Which Pods are counted."""
    matchLabelKeys: Annotated[list[str] | None, ATOMIC] = None
    minDomains: Int32 | None = None
    nodeAffinityPolicy: str | None = None
    nodeTaintsPolicy: str | None = None
