"""Killing the daemon and what must hold afterwards."""

from __future__ import annotations

import os
import select
import signal
from collections import Counter
from pathlib import Path
from typing import Any

from nsorch.kit.paths import Paths
from nsorch.linux import cgroups
from tests.support.cluster import Cluster
from tests.support.space import Object, Space

LISTENING = "00010000"
"""__SO_ACCEPTCON in /proc/net/unix."""


def kill_daemon(cluster: Cluster, number: int = signal.SIGKILL) -> None:
    """End the daemon and wait until it is gone."""
    pid = cluster.daemon_pid()
    end = os.pidfd_open(pid)
    try:
        os.kill(pid, number)
        assert select.select([end], [], [], 30)[0], "the daemon does not end"
    finally:
        os.close(end)


def identities(space: Space) -> dict[str, tuple[Any, ...]]:
    """What must stay the same of each Pod that lives: uid, address, container ids and restart counts."""
    return {pod["metadata"]["name"]: identity(pod) for pod in space.list("pods")}


def identity(pod: Object) -> tuple[Any, ...]:
    status = pod["status"]
    containers = [(item["name"], item.get("containerID"), item["restartCount"]) for item in status["containerStatuses"]]
    return pod["metadata"]["uid"], status.get("podIP"), containers


def check_nothing_lost_or_double(cluster: Cluster, space: Space) -> None:
    """Exactly the Pods of the API have a supervisor, a folder, a cgroup and an address, and no two have the same."""
    everywhere = space.api.call("GET", "/api/v1/pods")["items"]
    living = {pod["metadata"]["uid"] for pod in everywhere}
    addresses = Counter(
        pod["status"]["podIP"]
        for pod in everywhere
        if pod["status"].get("podIP") and not pod["spec"].get("hostNetwork")
        and pod["status"]["phase"] in ("Pending", "Running")
    )  # fmt: skip
    assert not [address for address, count in addresses.items() if count > 1]

    paths = Paths.at(cluster.root)

    def left() -> list[str]:
        names = [f"socket {file.stem}" for file in paths.pod_sockets.glob("*.sock") if file.stem not in living]
        names += [f"folder {file.name}" for file in paths.pods.iterdir() if file.name not in living]
        groups = (name for name in cgroups.children(paths.instance) if name.startswith("pod-"))
        names += [f"cgroup {name}" for name in groups if name.removeprefix("pod-") not in living]
        names += [f"supervisor {uid}" for uid in supervisors(cluster) if uid not in living]
        return names

    cluster.eventually(lambda: not left(), what=f"nothing is left of Pods that are gone: {left()}")
    doubled = [uid for uid, count in Counter(supervisors(cluster)).items() if count > 1]
    assert not doubled, f"two supervisors for {doubled}"


def supervisors(cluster: Cluster) -> list[str]:
    """For every living supervisor of this cluster the uid of its Pod: who holds a socket that was bound there."""
    folder = f"{cluster.root}/run/pods/"
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            if not (process / "cmdline").read_bytes().startswith(b"nsorch-pod "):
                continue
            bound = [line.split() for line in (process / "net" / "unix").read_text().splitlines() if folder in line]
            held = {os.readlink(fd) for fd in (process / "fd").iterdir()}
        except OSError:
            continue  # it has just ended
        for words in bound:
            listening = words[3] == LISTENING
            if listening and f"socket:[{words[6]}]" in held:
                found.append(words[7].removeprefix(folder).removesuffix(".sock"))
    return found
