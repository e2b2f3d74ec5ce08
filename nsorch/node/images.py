"""Images of one Pod's containers: what is there, and waiting with back-off for what is not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from nsorch.images.errors import ImageError
from nsorch.node.announcements import Announcer
from nsorch.node.compiler.inputs import Hold
from nsorch.node.ports import Image, Images, is_host_image, refuse_host_image
from nsorch.node.settings import NodeSettings
from nsorch.resources.container import Container, EphemeralContainer

SHOW_BACKOFF_AFTER = 2.0
"""Seconds for which ErrImagePull is shown before ImagePullBackOff takes its place."""


@dataclass(slots=True)
class _Wait:
    """One container whose image is not there."""

    reference: str
    hold: Hold
    failures: int = 0
    task: asyncio.Task[None] | None = None
    timers: tuple[asyncio.TimerHandle, ...] = ()

    def cancel(self) -> None:
        for timer in self.timers:
            timer.cancel()
        if self.task is not None:
            self.task.cancel()


class PodImages:
    """``resolve`` answers at once; ``on_change`` is called when an answer may have become another."""

    def __init__(
        self,
        images: Images,
        settings: NodeSettings,
        announcer: Announcer,
        on_change: Callable[[], None],
    ) -> None:
        self._images = images
        self._settings = settings
        self._announcer = announcer
        self._on_change = on_change
        self._waits: dict[str, _Wait] = {}

    @property
    def holds(self) -> dict[str, Hold]:
        """By container: why its image is not there."""
        return {name: wait.hold for name, wait in self._waits.items()}

    @property
    def waiting(self) -> bool:
        return bool(self._waits)

    def resolve(self, container: Container | EphemeralContainer) -> Image | Hold:
        """The image, or the reason to hold the container; then it is being fetched in the background."""
        reference, name = container.image or "", container.name
        if is_host_image(reference):
            if refused := refuse_host_image(reference, self._announcer.pod.namespace):
                return self._invalid(name, reference, refused)
            self._forget(name)
            return Hold(reason="")
        try:
            image = self._images.find(reference)
        except ImageError as error:
            text = f'Failed to apply default image tag "{reference}": couldn\'t parse image name "{reference}"'
            return self._invalid(name, reference, f"{text}: {error.message}")
        if image is not None:
            self._forget(name)
            return image
        wait = self._waits.get(name)
        if wait is None or wait.reference != reference:
            self._forget(name)
            wait = self._waits[name] = _Wait(reference, Hold(reason="ContainerCreating"))
            policy = container.imagePullPolicy or "IfNotPresent"
            wait.task = asyncio.get_running_loop().create_task(self._fetch(name, wait, policy))
        return wait.hold

    def stop(self, *, for_good: bool = False) -> None:
        """Stop waiting for anything; ``for_good`` lets go of who would have been told."""
        if for_good:
            self._on_change = _nobody
        for name in list(self._waits):
            self._forget(name)

    def _forget(self, name: str) -> None:
        wait = self._waits.pop(name, None)
        if wait is not None:
            wait.cancel()

    async def _fetch(self, name: str, wait: _Wait, policy: str) -> None:
        reference = wait.reference
        if policy != "Never":
            self._announcer.say("Normal", "Pulling", f'Pulling image "{reference}"', name)
        try:
            await self._images.ensure(reference, policy)
        except ImageError as error:
            wait.task = None
            self._failed(name, wait, policy, error)
        else:
            wait.task = None
            self._announcer.say("Normal", "Pulled", f'Successfully pulled image "{reference}"', name)
        self._on_change()

    def _failed(self, name: str, wait: _Wait, policy: str, error: ImageError) -> None:
        reference = wait.reference
        wait.hold = Hold(reason=error.reason, message=error.message)
        if error.reason == "InvalidImageName":
            self._invalid(name, reference, error.message)
            return
        if error.reason == "ErrImageNeverPull":
            if wait.failures == 0:
                self._announcer.say("Warning", "ErrImageNeverPull", error.message, name)
                self._announcer.say("Warning", "Failed", "Error: ErrImageNeverPull", name)
        else:
            self._announcer.say("Warning", "Failed", f'Failed to pull image "{reference}": {error.message}', name)
            self._announcer.say("Warning", "Failed", f"Error: {error.reason}", name)
        wait.failures += 1
        if error.reason == "ErrImageNeverPull":
            return  # only an image that appears can help, and the store tells about that
        delay = min(self._settings.image_backoff_base * 2.0 ** (wait.failures - 1), self._settings.image_backoff_max)
        loop = asyncio.get_running_loop()
        wait.timers = (
            loop.call_later(min(SHOW_BACKOFF_AFTER, delay / 2), self._show_backoff, name, wait),
            loop.call_later(delay, self._again, name, wait, policy),
        )

    def _show_backoff(self, name: str, wait: _Wait) -> None:
        message = f'Back-off pulling image "{wait.reference}": {wait.hold.reason}: {wait.hold.message}'
        wait.hold = Hold(reason="ImagePullBackOff", message=message)
        self._announcer.say("Normal", "BackOff", f'Back-off pulling image "{wait.reference}"', name)
        self._announcer.say("Warning", "Failed", "Error: ImagePullBackOff", name)
        self._on_change()

    def _again(self, name: str, wait: _Wait, policy: str) -> None:
        wait.timers = ()
        wait.task = asyncio.get_running_loop().create_task(self._fetch(name, wait, policy))

    def _invalid(self, name: str, reference: str, message: str) -> Hold:
        hold = Hold(reason="InvalidImageName", message=message)
        known = self._waits.get(name)
        if known is None or known.reference != reference or known.failures == 0:
            self._announcer.say("Warning", "InspectFailed", message, name)
            self._announcer.say("Warning", "Failed", "Error: InvalidImageName", name)
        self._waits[name] = _Wait(reference, hold, failures=1)
        return hold


def _nobody() -> None:
    pass
