"""``nsorch dns``: the cluster DNS in the foreground (the daemon runs it as a system Pod). Becomes the DNS program."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from nsorch.cli.options import Root, Session


def register(app: typer.Typer) -> None:
    app.command(hidden=True)(dns)


def dns(
    address: Annotated[str, typer.Option("--address", metavar="IP")] = "10.96.0.10",
    domain: Annotated[str, typer.Option("--domain", metavar="NAME")] = "cluster.local",
    root: Root = None,
) -> None:
    """Answer names of Services and Pods."""
    socket = str(Session(root).paths.api_socket)
    argv = [sys.executable, "-m", "nsorch.network.dns", "--socket", socket, "--address", address, "--domain", domain]
    os.execv(argv[0], argv)
