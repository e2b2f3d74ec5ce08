"""lifecycle.postStart and preStop -> hooks that the supervisor runs."""

from __future__ import annotations

from nsorch.node.compiler.failures import ConfigError
from nsorch.resources.container import Container, EphemeralContainer
from nsorch.resources.probe import LifecycleHandler
from nsorch.supervisor.plan import Hook


def hook(handler: LifecycleHandler | None, container: Container | EphemeralContainer, address: str) -> Hook | None:
    """The hook to run, or None; network hooks go to the Pod's address unless they name a host."""
    if handler is None:
        return None
    if handler.exec:
        return Hook(type="exec", argv=tuple(handler.exec.command or ()))
    if handler.httpGet:
        get = handler.httpGet
        return Hook(
            type="http",
            host=get.host or address,
            port=port_number(get.port, container),
            scheme="HTTPS" if (get.scheme or "HTTP").upper() == "HTTPS" else "HTTP",
            path=get.path or "/",
            headers=tuple((header.name, header.value) for header in get.httpHeaders or ()),
        )
    if handler.sleep:
        return Hook(type="sleep", seconds=handler.sleep.seconds)
    if handler.tcpSocket:
        return Hook(
            type="tcp",
            host=handler.tcpSocket.host or address,
            port=port_number(handler.tcpSocket.port, container),
        )
    return None


def port_number(port: int | str, container: Container | EphemeralContainer) -> int:
    """A port number or the number of the container's port with that name; ConfigError if there is none."""
    if isinstance(port, int):
        return port
    for declared in container.ports or ():
        if declared.name == port:
            return declared.containerPort
    if port.isdecimal():
        return int(port)
    raise ConfigError(f'couldn\'t find port: "{port}" in container "{container.name}"')
