"""Writes one Pod's status: only when it has changed, never two writes at once, bursts as one write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from nsorch.kit import logs
from nsorch.resources.client import Client, ClientError
from nsorch.resources.pod import Pod, PodStatus

log = logs.logger("node")
RETRY_AFTER = 2.0


class StatusWriter:
    """``compute`` gives the status for the API's present object; ``on_written`` hears of every durable change."""

    def __init__(
        self,
        client: Client,
        pod: Pod,
        compute: Callable[[Pod], PodStatus],
        on_written: Callable[[Pod], None],
    ) -> None:
        self._client = client
        self._namespace, self._name, self._uid = pod.namespace, pod.name, pod.uid
        self._compute = compute
        self._on_written = on_written
        self._dirty = False
        self._stopped = False
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def mark(self) -> None:
        """Something may have changed: write soon."""
        if self._stopped:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._dirty = True
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._write())

    def mark_later(self, seconds: float) -> None:
        """As ``mark``, but give something better ``seconds`` to come first (a Pod about to run)."""
        if self._timer is None and not self._stopped:
            self._timer = asyncio.get_running_loop().call_later(seconds, self.mark)

    async def flush(self) -> None:
        """Write what is to be written now and wait until it is durable."""
        self.mark()
        while self._task is not None:
            await asyncio.wait([self._task])

    def stop(self) -> None:
        """Write nothing any more, and let go of the Pod's worker."""
        self._stopped = True
        self._compute, self._on_written = _unchanged, _nobody
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    async def _write(self) -> None:
        try:
            while self._dirty:
                self._dirty = False
                await self._write_once()
        except ClientError as error:
            if error.code == 409:
                self._dirty = True
            elif error.code != 404:
                log.error("cannot write the status of Pod %s/%s: %s", self._namespace, self._name, error.message)
                self.mark_later(RETRY_AFTER)
        finally:
            self._task = None
            if self._dirty:
                self.mark()

    async def _write_once(self) -> None:
        pod = self._client.get(Pod, self._namespace, self._name)
        if pod is None or pod.uid != self._uid:
            return
        status = self._compute(pod)
        if status == pod.status:
            return
        changed = pod.model_copy(update={"status": status, "metadata": pod.metadata.model_copy()})
        self._on_written(await self._client.update_status(changed))


def _unchanged(pod: Pod) -> PodStatus:
    return pod.status


def _nobody(pod: Pod) -> None:
    del pod
