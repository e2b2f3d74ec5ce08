"""The rule set as a value: comparable, immutable, with no trace of how the kernel is told."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Protocol


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """Where a new connection goes."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"


@dataclass(frozen=True)
class PortRule:
    """One port of one Service: which destinations it answers on and where they lead."""

    name: str
    """``NAMESPACE/NAME:PORT-NAME`` (``NAMESPACE/NAME`` for an unnamed port)."""
    protocol: str
    """tcp, udp or sctp."""
    port: int
    cluster_addresses: tuple[str, ...] = ()
    external_addresses: tuple[str, ...] = ()
    """externalIPs, which anybody may use."""
    balancer_addresses: tuple[str, ...] = ()
    """Addresses from ``status.loadBalancer``, guarded by ``balancer_sources``."""
    balancer_sources: tuple[str, ...] = ()
    """CIDRs that may use the balancer addresses; empty: everybody."""
    node_port: int = 0
    affinity_seconds: int = 0
    """ClientIP session affinity: how long a client sticks to its target; 0: none."""
    targets: tuple[Target, ...] = ()
    """Sorted. Empty: new connections are rejected."""
    fallback: bool = False
    """No target is ready: these are terminating ones that still serve (KEP-1669)."""

    @property
    def key(self) -> str:
        """Unique in a rule set: one Service may have the same port name once per protocol."""
        return f"{self.name}/{self.protocol}"


@dataclass(frozen=True)
class ServiceRules:
    """Every Service port, by ``PortRule.key``."""

    ports: Mapping[str, PortRule] = field(default_factory=lambda: MappingProxyType({}))

    @cached_property
    def preferred(self) -> frozenset[str]:
        """Addresses that get new connections because they are ready (not only as a last resort)."""
        return frozenset(target.address for rule in self.ports.values() if not rule.fallback for target in rule.targets)


class RuleWriter(Protocol):
    """Brings the kernel to a rule set. Methods block (seconds at worst); never call them on the event loop."""

    @property
    def pids(self) -> Collection[int]:
        """The latest processes that changed rules for us; events of others are foreign."""
        ...

    def apply(self, rules: ServiceRules) -> None:
        """Make the kernel agree with ``rules`` in one atomic step, writing only what differs. RulesError if it cannot;
        the kernel then still has the former rules. A rule that the kernel refuses for itself (SCTP without support,
        say) is left out and logged, so that it cannot take all others with it."""
        ...

    def intact(self) -> bool:
        """Whether the kernel still has what was applied last. When not, the next ``apply`` writes everything."""
        ...

    def remove(self) -> None:
        """Take every rule of nsorch out of the kernel, whoever wrote it."""
        ...


class RulesError(Exception):
    """The kernel refused a rule set. ``line``: the text it stumbled over, where known."""

    def __init__(self, message: str, line: str = "") -> None:
        super().__init__(message)
        self.line = line
