"""``nsorch daemon``: the daemon in the foreground (what systemd runs). Becomes the daemon's own program."""

from __future__ import annotations

import os
import sys

import typer

from nsorch.cli.options import Root, Session
from nsorch.cli.up import Domain, Level, NodeAddress, NodeName, PodCIDR, Port, ServiceCIDR, daemon_argv


def register(app: typer.Typer) -> None:
    app.command()(daemon)


def daemon(
    node_name: NodeName = "",
    node_address: NodeAddress = "",
    pod_cidr: PodCIDR = "",
    service_cidr: ServiceCIDR = "",
    cluster_domain: Domain = "",
    api_port: Port = 0,
    log_level: Level = "INFO",
    root: Root = None,
) -> None:
    """Run the daemon in the foreground, as a service manager does."""
    argv = daemon_argv(
        Session(root),
        node_name=node_name,
        node_address=node_address,
        pod_cidr=pod_cidr,
        service_cidr=service_cidr,
        cluster_domain=cluster_domain,
        api_port=api_port,
        log_level=log_level,
    )
    sys.stdout.flush()
    os.execv(argv[0], argv)
