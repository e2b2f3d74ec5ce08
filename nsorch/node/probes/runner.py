"""Makes one probe of whatever kind."""

from __future__ import annotations

import asyncio

import aiohttp

from nsorch.node.channel import ChannelClosed, RequestFailed
from nsorch.node.commands import run_command
from nsorch.node.compiler.failures import ConfigError
from nsorch.node.compiler.hooks import port_number
from nsorch.node.probes.grpc import probe_grpc
from nsorch.node.probes.http import Outcome, probe_http, probe_tcp
from nsorch.node.supervisors import Supervisor
from nsorch.resources.container import Container
from nsorch.resources.probe import Probe

DEFAULT_TIMEOUT = 1


async def run_probe(
    probe: Probe, container: Container, address: str, supervisor: Supervisor, session: aiohttp.ClientSession
) -> Outcome:
    """One attempt; never raises but for cancellation."""
    timeout = float(probe.timeoutSeconds or DEFAULT_TIMEOUT)
    try:
        if probe.exec:
            return await _exec(probe.exec.command or [], container.name, supervisor, timeout)
        if probe.httpGet:
            get = probe.httpGet
            host = get.host or address
            host = f"[{host}]" if ":" in host else host
            path = get.path or "/"
            url = f"{(get.scheme or 'HTTP').lower()}://{host}:{port_number(get.port, container)}"
            headers = [(header.name, header.value) for header in get.httpHeaders or ()]
            return await probe_http(session, url + (path if path.startswith("/") else "/" + path), headers, timeout)
        if probe.tcpSocket:
            port = port_number(probe.tcpSocket.port, container)
            return await probe_tcp(probe.tcpSocket.host or address, port, timeout)
        if probe.grpc:
            return await probe_grpc(address, probe.grpc.port, probe.grpc.service or "", timeout)
    except ConfigError as error:
        return Outcome(False, error.message)
    return Outcome(True)


async def _exec(argv: list[str], container: str, supervisor: Supervisor, timeout: float) -> Outcome:
    try:
        code, output = await run_command(supervisor, container, argv, timeout)
    except TimeoutError:
        return Outcome(False, f'command timed out: "{" ".join(argv)}" timed out after {timeout:g}s')
    except (RequestFailed, ChannelClosed, OSError) as error:
        return Outcome(False, f"cannot run the command: {error}")
    except asyncio.CancelledError:
        raise
    return Outcome(code == 0, output.decode("utf-8", "replace"))
