"""What the node agent needs from the other parts, as protocols: images, addresses, service rules, tokens.

The daemon hands in the real ones; tests hand in small ones.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol


class ImageConfig(Protocol):
    """The part of an OCI image config that matters for running it."""

    @property
    def entrypoint(self) -> Sequence[str] | None: ...
    @property
    def cmd(self) -> Sequence[str] | None: ...
    @property
    def env(self) -> Sequence[str]: ...
    @property
    def working_dir(self) -> str: ...
    @property
    def user(self) -> str: ...
    @property
    def stop_signal(self) -> str | None: ...


class Image(Protocol):
    """An image that is on this host, unpacked."""

    @property
    def id(self) -> str: ...
    @property
    def references(self) -> Sequence[str]: ...
    @property
    def layers(self) -> Sequence[object]: ...
    @property
    def size(self) -> int: ...
    @property
    def config(self) -> ImageConfig: ...


class Images(Protocol):
    """The image store (``nsorch.images.ImageStore``)."""

    def find(self, reference: str) -> Image | None: ...
    async def ensure(self, reference: str, policy: Any = ...) -> Image: ...
    def list(self) -> Sequence[Image]: ...
    def use(self, uid: str, image_id: str, pod: str = "") -> None: ...
    def release(self, uid: str) -> None: ...
    async def collect(self) -> None: ...
    def subscribe(self, callback: Callable[[Any], None]) -> Callable[[], None]: ...


class Addresses(Protocol):
    """Pod address leases (``nsorch.network.PodAddresses``)."""

    def claim(self, uid: str) -> tuple[str, Awaitable[None] | None]:
        """The Pod's address, to be used when the second part, if there is one, has been awaited."""
        ...

    async def release(self, uid: str) -> None: ...
    def all(self) -> Mapping[str, str]: ...


class Proxy(Protocol):
    """Service rules (``nsorch.network.ServiceProxy``)."""

    async def without(self, address: str, timeout: float) -> object:
        """Return when no applied rule sends new traffic to ``address``, or after ``timeout`` seconds."""
        ...


class NoToken(Exception):
    """A token cannot be made now; the message says why."""


class TokenSource(Protocol):
    """Makes ServiceAccount tokens for projected volumes."""

    def token(self, namespace: str, service_account: str, audience: str, seconds: int, pod_uid: str) -> str:
        """A token bound to the Pod, for ``audience`` ("": the API); NoToken."""
        ...


HOST_NAMESPACE = "kube-system"
HOST_IMAGE = "nsorch.local/host"
"""The host's own root, read-only; for nsorch's own Pods in kube-system only."""


def is_host_image(reference: str) -> bool:
    """Whether ``reference`` names the built-in host image, with any tag."""
    return reference == HOST_IMAGE or reference.startswith(HOST_IMAGE + ":")


def refuse_host_image(reference: str, namespace: str | None) -> str:
    """Why Pods of ``namespace`` may not use the host image ``reference``; "" if they may."""
    if namespace == HOST_NAMESPACE:
        return ""
    allowed = f"only Pods in namespace {HOST_NAMESPACE} may use it, not {namespace}"
    return f'image "{reference}" is the host\'s own root: {allowed}'
