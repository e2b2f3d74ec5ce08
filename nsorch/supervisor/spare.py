"""A supervisor in advance: forked while nothing happens, it waits for its plan with all done that needs none.

So a Pod's start saves the fork, the pages which a new process copies when it first runs, and the making of a network
namespace. One waits at a time; where several Pods start at once, the others are forked as they come.
"""

from __future__ import annotations

import os
import pickle
import socket
from dataclasses import dataclass

from nsorch.linux import namespaces, netlink
from nsorch.supervisor.loop import Loop
from nsorch.supervisor.plan import PodPlan

_CHUNK = 1 << 16


class Ground:
    """What a supervisor has before it knows its Pod. ``isolated``: network, host name and IPC are its own already."""

    def __init__(self, *, isolated: bool) -> None:
        self.isolated = isolated
        self.loop = Loop()
        self.host_mounts = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        """The host's mount namespace, for mounts that propagate back to it."""
        self.pid_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        """Our own PID namespace, to come back to after making a child in another."""
        self.host = netlink.RouteSocket()
        """Stays in the host's network namespace."""
        if isolated:
            # Not the mounts: what the host mounts until the Pod starts must be seen, even where mounts are private.
            namespaces.unshare(namespaces.CLONE_NEWNET | namespaces.CLONE_NEWUTS | namespaces.CLONE_NEWIPC)


@dataclass(slots=True)
class Spare:
    """The spawner's end of one that waits."""

    pid: int
    connection: socket.socket
    isolated: bool

    def fits(self, plan: PodPlan) -> bool:
        """Whether it can become the supervisor of this Pod."""
        return self.isolated == (not plan.network.host and not plan.host_ipc)

    def give(self, plan: PodPlan) -> None:
        """Its plan; from here on the connection tells how the start went. OSError if it has died."""
        self.connection.sendall(pickle.dumps(plan, pickle.HIGHEST_PROTOCOL))
        self.connection.shutdown(socket.SHUT_WR)


def await_plan(connection: socket.socket) -> PodPlan | None:
    """In the spare: sleep until its plan comes; None when the spawner has gone instead."""
    parts = []
    while part := connection.recv(_CHUNK):
        parts.append(part)
    plan: PodPlan | None = pickle.loads(b"".join(parts)) if parts else None
    return plan
