"""The end of a Pod: out of the service rules, then the signals, then nothing is left.

deletionTimestamp set -> EndpointSlice drops the Pod -> rules applied (awaited) -> preStop, stop signal, grace,
SIGKILL (the supervisor's work) -> last status -> supervisor leaves -> object deleted -> folder, address, images
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from nsorch.kit import logs
from nsorch.node import disk
from nsorch.node.starting import adopt
from nsorch.resources.client import ClientError
from nsorch.resources.pod import Pod

if TYPE_CHECKING:
    from nsorch.node.worker import PodWorker

log = logs.logger("node")
FORCED_GRACE = 1.0
"""Seconds for a Pod whose object is already gone: kubelet's minimum."""


async def end_pod(worker: PodWorker) -> None:
    """Carry deletion on as far as it goes; called again when the supervisor has something new."""
    if worker.existed:
        worker.existed = False
        adopt(worker)
    worker.images.stop()
    if worker.supervisor is not None and not worker.supervisor.gone:
        if not worker.drained:
            worker.drained = True
            if worker.state is not None:
                worker.announcer.killing(worker.state)
            if not worker.deleted and worker.address and not worker.pod.spec.hostNetwork:
                await worker.context.proxy.without(worker.address, worker.context.settings.drain_timeout)
        await worker.stop(_grace(worker))
        if not worker.everything_dead():
            return
    if not worker.deleted and not worker.left and worker.supervisor is not None:
        await worker.status.flush()
    await leave(worker)
    if not worker.deleted:
        await _delete(worker)
    await asyncio.to_thread(disk.remove_pod, worker.layout, with_logs=True)
    worker.end()


async def leave(worker: PodWorker) -> None:
    """Nothing of the Pod runs any more: give up supervisor, folder, images and address. Its logs stay."""
    if worker.left:
        return
    if worker.existed:
        worker.existed = False
        adopt(worker)
    if worker.lost:
        await worker.status.flush()
    if worker.supervisor is not None and not worker.supervisor.gone:
        await worker.stop(worker.grace())
        if not worker.everything_dead():
            return
    worker.left = True
    worker.images.stop()
    if worker.probes is not None:
        worker.probes.stop()
    if worker.supervisor is not None:
        orderly = not worker.supervisor.gone
        await worker.supervisor.exit()
    else:
        orderly = False
    if not orderly:
        await asyncio.to_thread(disk.kill_cgroup, worker.layout.cgroup)
    worker.context.images.release(worker.pod.uid)
    if not worker.pod.spec.hostNetwork:
        await worker.context.addresses.release(worker.pod.uid)
    with contextlib.suppress(OSError):
        await asyncio.to_thread(disk.remove_pod, worker.layout, with_logs=False)
    if worker.superseded:
        await _delete(worker)


async def _delete(worker: PodWorker) -> None:
    """Remove the object from the API, unless it is gone or another one has its name."""
    pod = worker.pod
    try:
        await worker.context.client.delete(Pod, pod.namespace, pod.name, uid=pod.uid, grace_seconds=0)
    except ClientError as error:
        if error.code not in (404, 409):
            raise


def _grace(worker: PodWorker) -> float:
    if worker.deleted:
        return FORCED_GRACE
    seconds = worker.pod.metadata.deletionGracePeriodSeconds
    return worker.grace() if seconds is None else float(seconds)
