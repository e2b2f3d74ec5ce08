"""Leftovers of Pods that nobody wants any more, found by their names alone and removed.

Pods that somebody wants are adopted by their own workers (``starting.adopt``). What is left here: supervisors and
processes, sockets, cgroups, folders, logs and addresses of Pods that left the API while the daemon was down.
Host-side veths end with their network namespace; ``network.HostNetwork.sweep`` removes strays by name.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

from nsorch.kit import logs
from nsorch.kit.paths import Paths
from nsorch.linux import cgroups
from nsorch.node import disk
from nsorch.node.channel import ChannelClosed, RequestFailed
from nsorch.node.context import NodeContext
from nsorch.node.supervisors import Supervisor
from nsorch.supervisor.plan import PodPlan
from nsorch.supervisor.protocol import PodState

log = logs.logger("node")
ORPHAN_GRACE = 2.0
STOP_TIMEOUT = 10.0


async def sweep(context: NodeContext, known: set[str]) -> None:
    """Remove everything of Pods whose uid is not in ``known`` (the Pods there were when the agent started)."""
    paths = context.paths
    sockets = {name.removesuffix(".sock") for name in _names(paths.pod_sockets) if name.endswith(".sock")}
    orphans = sockets - known
    await asyncio.gather(*(stop_orphan(str(paths.pod_socket(uid))) for uid in orphans))
    groups = {name.removeprefix("pod-") for name in cgroups.children(paths.instance) if name.startswith("pod-")}
    for uid in groups - known:
        await asyncio.to_thread(disk.kill_cgroup, f"{paths.instance}/pod-{uid}")
    for uid in {name for name in _names(paths.pods) if not name.startswith(".")} - known:
        log.info("removing what is left of Pod %s", uid)
        await asyncio.to_thread(disk.remove_tree, str(paths.pod(uid)))
    for name in _names(paths.logs):
        if name.count("_") == 2 and name.rpartition("_")[2] not in known:
            await asyncio.to_thread(disk.remove_tree, str(paths.logs / name))
    for uid in set(context.addresses.all()) - known:
        await context.addresses.release(uid)
    for uid, images in (await asyncio.to_thread(_images_in_use, paths)).items():
        for image_id in images:
            context.images.use(uid, image_id)
    await context.images.collect()


def _images_in_use(paths: Paths) -> dict[str, set[str]]:
    """Image ids by Pod uid, from the plans on disk: known before every Pod was adopted."""
    found: dict[str, set[str]] = {}
    for uid in _names(paths.pods):
        try:
            plan = PodPlan.from_json((paths.pod(uid) / "plan.json").read_bytes())
        except (OSError, ValueError):
            continue  # no Pod, or one whose worker will report what is wrong with its plan
        found[uid] = {container.image_id for container in plan.containers if container.image_id}
    return found


async def stop_orphan(path: str) -> None:
    """Stop a supervisor that no Pod of the API asks for; a socket without anybody behind it is removed."""
    dead = asyncio.Event()

    def on_state(state: PodState) -> None:
        if state.phase in ("stopped", "failed"):
            dead.set()

    try:
        supervisor = Supervisor(path, on_state, dead.set)
    except OSError:
        _unlink(path)
        return
    log.info("stopping the Pod behind %s: it is not in the API", os.path.basename(path))
    try:
        await supervisor.stop(ORPHAN_GRACE)
        await asyncio.wait_for(dead.wait(), ORPHAN_GRACE + STOP_TIMEOUT)
        await supervisor.exit()
    except (ChannelClosed, RequestFailed, TimeoutError) as error:
        log.error("cannot stop the Pod behind %s: %s", path, error)
    finally:
        supervisor.disconnect()
        _unlink(path)


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def _unlink(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
