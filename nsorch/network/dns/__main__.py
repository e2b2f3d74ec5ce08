"""``python -m nsorch.network.dns``: the cluster DNS.

Serves once it has listed everything (so a TCP connect to port 53 is a readiness check); ends on SIGTERM and SIGINT.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from nsorch.kit import logs
from nsorch.network.dns.feed import Feed
from nsorch.network.dns.records import Names
from nsorch.network.dns.resolver import Resolver
from nsorch.network.dns.server import DnsServer
from nsorch.network.dns.upstream import Upstream

log = logs.logger("dns")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="nsorch dns", description="DNS for the Services of an nsorch cluster")
    parser.add_argument("--socket", required=True, help="unix socket of the API")
    parser.add_argument("--address", default="10.96.0.10", help="address to serve on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=53, help="port to serve on, UDP and TCP (default: %(default)s)")
    parser.add_argument("--domain", default="cluster.local", help="cluster domain (default: %(default)s)")
    parser.add_argument(
        "--network",
        action="append",
        default=[],
        metavar="CIDR",
        help="range of Pods or Services, for reverse look-ups; may be repeated",
    )
    parser.add_argument(
        "--upstream",
        action="append",
        default=[],
        metavar="ADDRESS[:PORT]",
        help="resolver for all other names; may be repeated (default: the nameservers in --resolv-conf)",
    )
    parser.add_argument("--resolv-conf", type=Path, default=Path("/etc/resolv.conf"), help="default: %(default)s")
    parser.add_argument("--log-level", default="INFO", help="default: %(default)s")
    return parser.parse_args(argv)


async def serve(options: argparse.Namespace) -> None:
    """Run until a signal says stop."""
    names = Names(options.domain, options.address, networks=options.network)
    upstream = Upstream(options.address, servers=options.upstream, file=options.resolv_conf)
    feed = Feed(options.socket, names)
    server = DnsServer(Resolver(names, upstream), options.address, options.port)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    following = asyncio.create_task(feed.run())
    waiting = asyncio.create_task(ended.wait())
    listed = asyncio.create_task(feed.complete())
    await asyncio.wait({following, waiting, listed}, return_when=asyncio.FIRST_COMPLETED)
    if listed.done():
        await server.start()
        log.info("serving %s on %s:%d", options.domain, options.address, server.port)
        await asyncio.wait({following, waiting}, return_when=asyncio.FIRST_COMPLETED)
    for task in (listed, waiting):
        task.cancel()
    if following.done():
        following.result()  # a defect: raise it
    following.cancel()
    await server.stop()


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0 after a signal, 1 if DNS cannot be served, 2 on bad arguments."""
    options = arguments(argv)
    logs.configure(options.log_level)
    try:
        asyncio.run(serve(options))
    except (OSError, ValueError) as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
