"""What can be wrong with a container's or a Pod's configuration at the moment of starting it."""

from __future__ import annotations


class ConfigError(Exception):
    """A container cannot be configured yet (CreateContainerConfigError): it waits until the cause has gone.

    ``needs`` names what would help: ("ConfigMap" | "Secret", name), or None.
    """

    def __init__(self, message: str, needs: tuple[str, str] | None = None, reason: str = "CreateContainerConfigError"):
        super().__init__(message)
        self.message = message
        self.needs = needs
        self.reason = reason


class MountError(Exception):
    """A volume cannot be set up (FailedMount): the whole Pod waits in ContainerCreating."""

    def __init__(self, volume: str, message: str) -> None:
        super().__init__(f'MountVolume.SetUp failed for volume "{volume}" : {message}')
        self.volume = volume


class SandboxError(Exception):
    """The Pod's sandbox cannot be made now (FailedCreatePodSandBox): no address, no disk space, no spawner."""
