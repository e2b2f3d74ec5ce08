"""The host's side of the network: forwarding, routes and local addresses.

What is made, and why:

``net.ipv4.ip_forward``               Pods reach each other and the world through the host.
``net.ipv4.conf.all.route_localnet``  NodePorts answer on 127.0.0.1 too; the rule set drops what others send to 127/8.
``net.ipv4.conf.*.send_redirects``    Off for new interfaces: a Pod that reaches itself through a Service comes and goes
                                      by the same veth; a redirect would be wrong and use up the Pod's ICMP allowance.
``unreachable POD_CIDR``              A packet for a Pod that is gone ends here, not at the default gateway.
``unreachable SERVICE_CIDR``          The same for Service addresses.
``SERVICE_CIDR dev lo src NODE``      Without a route connect(2) fails before OUTPUT can translate a Service address.
``DNS_ADDRESS/32 dev lo``             The DNS server binds it. Scope host: never chosen as a source address.
``NODE_ADDRESS/32 dev lo``            Only where the host has no address of its own (private network namespaces).

Routes carry their own protocol number and addresses their own label, so that all of it is found by name, whoever made
it. The sysctls' former values are kept in a small record file, valid for this boot and network namespace only.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nsorch.network.addresses import host_interface, is_host_interface
from nsorch.network.settings import NetworkSettings


class NetworkError(Exception):
    """The host's network cannot be set up."""


class HostNetwork:
    """Prepares the network namespace the daemon runs in, and undoes exactly that.

    Each call is one run of ``nsorch.network.host_program``: pyroute2 is needed for a moment at the start and the end, and
    would otherwise cost the daemon 8 MiB for all its life.
    """

    def __init__(self, settings: NetworkSettings, record: Path) -> None:
        """``record``: file that remembers the sysctls' former values (``paths.run / "network.json"``)."""
        self._settings = settings
        self._record = record
        self._turn = asyncio.Lock()

    async def prepare(self) -> NetworkSettings:
        """Make all of it (again: what is there already stays). Returns the settings with ``node_address`` filled in.

        NetworkError says what failed and what to do."""
        answer = await self._run("prepare")
        self._settings = dataclasses.replace(self._settings, node_address=answer)
        return self._settings

    async def restore(self) -> bool:
        """Make again what is missing since ``prepare``; whether anything was. Keeps ``node_address`` as it is: if the
        host lost it, it goes to lo, so that Pods and Services go on."""
        return bool(await self._run("restore"))

    async def teardown(self) -> None:
        """Remove all of it, every veth of nsorch included, and put the sysctls back. Safe without ``prepare``."""
        await self._run("teardown")

    async def sweep(self, keep: Iterable[str]) -> list[str]:
        """Delete every veth that belongs to none of the Pod uids in ``keep``; their routes go with them. Returns names.

        Veths normally die with their network namespace; this is for those whose Pod died unseen."""
        wanted = {host_interface(uid) for uid in keep}
        if all(name in wanted for _, name in socket.if_nameindex() if is_host_interface(name)):
            return []  # the rule, which needs no program
        return list(await self._run("sweep", sorted(wanted)))

    async def interfaces(self) -> list[str]:
        """Names of all host-side veths of nsorch that exist now."""
        return list(await self._run("interfaces"))

    async def _run(self, operation: str, names: Iterable[str] = ()) -> Any:
        request = {
            "operation": operation,
            "settings": dataclasses.asdict(self._settings),
            "record": str(self._record),
            "names": list(names),
        }
        async with self._turn:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "nsorch.network.host_program",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
            out, complaint = await process.communicate(json.dumps(request).encode())
        if process.returncode != 0:
            said = complaint.decode(errors="replace").strip().splitlines()
            raise NetworkError(f"cannot set up the host's network: {said[-1] if said else process.returncode}")
        answer = json.loads(out)
        if "error" in answer:
            raise NetworkError(answer["error"])
        return answer["result"]
