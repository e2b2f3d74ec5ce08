"""Stop every Pod of one instance, whoever asks for it: no objects are read, everything is found by its name.

Objects stay as they are. The Pods' folders lose their boot id, so the next daemon sees what it would see after a reboot
of the host: bare Pods are made again in place, Pods with a controller are replaced.
"""

from __future__ import annotations

import asyncio
import os

from nsorch.kit import logs
from nsorch.kit.paths import Paths
from nsorch.linux import cgroups
from nsorch.node.channel import ChannelClosed, RequestFailed
from nsorch.node.spawner import Spawner
from nsorch.node.supervisors import Supervisor
from nsorch.supervisor import sweep
from nsorch.supervisor.protocol import PodState

log = logs.logger("node")
LAST_SECONDS = 10.0
"""How long after the grace period a supervisor may take before its cgroup is killed."""


async def stop_everything(paths: Paths, grace: float) -> int:
    """Stop all Pods with ``grace`` seconds at the most, and the spawner; returns how many supervisors there were.

    What does not answer is killed by its cgroup. The node agent must have let go before (``NodeAgent.stop``)."""
    await Spawner(paths).exit()
    sockets = sorted(path for path in paths.pod_sockets.glob("*.sock")) if paths.pod_sockets.is_dir() else []
    stopped = await asyncio.gather(*(_stop(str(path), grace) for path in sockets))
    for group in sweep.groups(paths.instance):
        await asyncio.to_thread(sweep.group, group)
    await asyncio.to_thread(cgroups.Group(paths.instance).destroy)
    for path in sockets:
        path.unlink(missing_ok=True)
    if paths.pods.is_dir():
        for folder in paths.pods.iterdir():
            (folder / "boot_id").unlink(missing_ok=True)
    return sum(stopped)


async def _stop(path: str, grace: float) -> bool:
    dead = asyncio.Event()

    def on_state(state: PodState) -> None:
        if state.phase in ("stopped", "failed"):
            dead.set()

    try:
        supervisor = Supervisor(path, on_state, dead.set)
    except OSError:
        return False
    try:
        await supervisor.stop(grace)
        await asyncio.wait_for(dead.wait(), grace + LAST_SECONDS)
        await supervisor.exit()
    except (ChannelClosed, RequestFailed, TimeoutError) as error:
        log.warning("the Pod behind %s does not stop (%s): it is killed", os.path.basename(path), error)
    finally:
        supervisor.disconnect()
    return True
