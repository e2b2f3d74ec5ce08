"""Pods of the supervisor tests: started, followed and ended."""

from __future__ import annotations

from nsorch.supervisor.plan import ContainerPlan, PodPlan
from tests.support.supervisor import Node, Peer


class Running:
    """A started Pod that leaves at the end of the block."""

    def __init__(self, node: Node, plan: PodPlan) -> None:
        self.node, self.plan = node, plan

    def __enter__(self) -> Peer:
        self.peer = self.node.start(self.plan)
        return self.peer

    def __exit__(self, *_: object) -> None:
        self.peer.close()
        self.node.finish(self.plan)


def running(node: Node, *containers: ContainerPlan, **more: object) -> Running:
    more.setdefault("restart_backoff_base", 0.05)
    more.setdefault("grace_seconds", 1)  # a shell that has not yet set its trap ignores SIGTERM, being PID 1
    return Running(node, node.plan(*containers, **more))


def settled(peer: Peer, name: str = "main") -> dict[str, object]:
    """Wait until the container has ended for good."""
    return peer.until_phase(name, "terminated")["ended"]  # type: ignore[no-any-return]


# Files and rights ---------------------------------------------------------------------------------------------
