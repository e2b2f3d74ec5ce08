"""``python -m nsorch.daemon.teardown``: what ``nsorch down`` does when no daemon runs: stop Pods, remove everything."""

from __future__ import annotations

import asyncio
import sys

from nsorch.daemon.settings import SettingsError, parse
from nsorch.kit import logs
from nsorch.network.host import HostNetwork, NetworkError
from nsorch.network.rules.iptables import IptablesWriter
from nsorch.network.rules.value import RulesError
from nsorch.network.settings import NetworkSettings
from nsorch.node.teardown import stop_everything

GRACE = 30.0


async def teardown(argv: list[str]) -> str:
    """Stop and remove all; the line to print."""
    start = parse(argv)
    count = await stop_everything(start.paths, GRACE)
    settings = start.settings
    network = NetworkSettings(
        pod_cidr=settings.pod_cidr, service_cidr=settings.service_cidr, dns_address=settings.dns_address
    )
    await asyncio.to_thread(IptablesWriter(network).remove)
    host = HostNetwork(network, start.paths.run / "network.json")
    await host.teardown()
    return f"no daemon was running; stopped {count} Pods and removed rules, routes and addresses"


def main() -> int:
    """Exit status 0, or 1 with one line that says why."""
    logs.configure("WARNING")
    try:
        print(asyncio.run(teardown(sys.argv[1:])))
    except (SettingsError, NetworkError, RulesError, OSError) as error:
        print(f"nsorch down: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
