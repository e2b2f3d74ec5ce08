"""``python -m nsorch.daemon.teardown``: what ``nsorch down`` does when no daemon runs: stop Pods, remove everything."""

from __future__ import annotations

import argparse
import asyncio
import sys

from nsorch.daemon.lock import StartFailure, only_daemon
from nsorch.daemon.settings import SettingsError, Start, parse
from nsorch.kit import logs
from nsorch.network.host import HostNetwork, NetworkError
from nsorch.network.rules.iptables import IptablesWriter
from nsorch.network.rules.value import RulesError
from nsorch.network.settings import NetworkSettings
from nsorch.node.teardown import stop_everything


async def teardown(start: Start, grace: float) -> str:
    """Stop and remove all; the line to print. Processes have ``grace`` seconds to end by themselves."""
    count = await stop_everything(start.paths, grace)
    settings = start.settings
    network = NetworkSettings(
        pod_cidr=settings.pod_cidr, service_cidr=settings.service_cidr, dns_address=settings.dns_address
    )
    await asyncio.to_thread(IptablesWriter(network).remove)
    host = HostNetwork(network, start.paths.run / "network.json")
    await host.teardown()
    for file in (start.paths.api_socket, start.paths.spawner_socket, start.paths.daemon_pid):
        file.unlink(missing_ok=True)  # a daemon that was killed could not
    return f"no daemon was running; stopped {count} Pods and removed rules, routes and addresses"


def main() -> int:
    """Exit status 0, or 1 with one line that says why."""
    logs.configure("WARNING")
    parser = argparse.ArgumentParser(prog="nsorch down", add_help=False)
    parser.add_argument("--grace", type=float, default=30.0)
    told, rest = parser.parse_known_args()
    try:
        start = parse(rest)
        start.paths.run.mkdir(parents=True, exist_ok=True, mode=0o700)
        with only_daemon(start.paths):  # never beside a daemon that lives but does not listen
            print(asyncio.run(teardown(start, told.grace)))
    except (SettingsError, NetworkError, RulesError, StartFailure, OSError) as error:
        print(f"nsorch down: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
