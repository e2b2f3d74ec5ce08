"""What to do when a supervisor is gone but did not say goodbye (kill -9, crash): found by name, removed.

Namespaces, mounts, veth and routes are gone with its last process; what stays are processes that escaped, cgroups and the
Pod's folder. Blocking (up to seconds when something refuses to die): call it from a thread.
"""

from __future__ import annotations

import os

from nsorch.linux import cgroups
from nsorch.supervisor import trees, wire
from nsorch.supervisor.plan import PodPlan


def pod(plan: PodPlan, *, timeout: float = 5.0) -> bool:
    """Remove all that a dead supervisor left of ``plan``; False if something is still busy (try again later)."""
    gone = group(plan.cgroup, timeout=timeout)
    trees.remove(os.path.join(plan.dir, "containers"))
    try:
        os.unlink(plan.socket)
    except FileNotFoundError:
        pass
    return gone


def group(name: str, *, timeout: float = 5.0) -> bool:
    """Kill everything in the cgroup ``name`` (as in ``PodPlan.cgroup``) and remove it, with all below."""
    return cgroups.Group(name).destroy(timeout)


def groups(instance: str) -> set[str]:
    """Names of the Pods' cgroups below ``instance`` (``Paths.instance``), full as in ``PodPlan.cgroup``."""
    return {f"{instance}/{name}" for name in cgroups.children(instance)}


def alive(socket_path: str) -> bool:
    """Is a supervisor (or spawner) listening there? Never waits for an answer."""
    try:
        wire.connect(socket_path).close()
    except OSError:
        return False
    return True
