"""``nsorch up``: start the daemon in the background and wait until it is ready."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Annotated

import typer

from nsorch.cli.failure import CommandFailure
from nsorch.cli.options import Root, Session

NodeName = Annotated[str, typer.Option("--node-name", metavar="NAME", show_default="the host's name")]
NodeAddress = Annotated[str, typer.Option("--node-address", metavar="IP", show_default="the default route's")]
PodCIDR = Annotated[str, typer.Option("--pod-cidr", metavar="CIDR", show_default="10.244.0.0/16")]
ServiceCIDR = Annotated[str, typer.Option("--service-cidr", metavar="CIDR", show_default="10.96.0.0/16")]
Domain = Annotated[str, typer.Option("--cluster-domain", metavar="NAME", show_default="cluster.local")]
Port = Annotated[int, typer.Option("--api-port", metavar="PORT", min=0, max=65535, show_default="6443")]
Level = Annotated[str, typer.Option("--log-level", metavar="LEVEL", help="DEBUG, INFO, WARNING or ERROR.")]


def register(app: typer.Typer) -> None:
    app.command()(up)


def up(
    node_name: NodeName = "",
    node_address: NodeAddress = "",
    pod_cidr: PodCIDR = "",
    service_cidr: ServiceCIDR = "",
    cluster_domain: Domain = "",
    api_port: Port = 0,
    log_level: Level = "INFO",
    timeout: Annotated[float, typer.Option("--timeout", metavar="SECONDS", help="How long to wait.")] = 60,
    root: Root = None,
) -> None:
    """Start the daemon in the background, wait until it is ready, and tell how to use it."""
    session = Session(root)
    if os.geteuid() != 0:
        raise CommandFailure(
            "cannot start the daemon: it makes namespaces, mounts and rules, so it needs root (try sudo)"
        )
    if session.connection.alive():
        print(f"nsorch is already running for {session.paths.root}")
        return
    argv = daemon_argv(
        session,
        node_name=node_name,
        node_address=node_address,
        pod_cidr=pod_cidr,
        service_cidr=service_cidr,
        cluster_domain=cluster_domain,
        api_port=api_port,
        log_level=log_level,
    )
    session.paths.logs.mkdir(parents=True, exist_ok=True)
    log = session.paths.logs / "daemon.log"
    with log.open("ab") as out:
        start = out.tell()
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, cwd="/", close_fds=True
        )
    began = time.monotonic()
    while not _ready(session):
        if process.poll() is not None:
            told = log.read_bytes()[start:].decode(errors="replace").strip().splitlines()
            raise CommandFailure(f"the daemon ended with status {process.returncode}: {told[-1] if told else log}")
        if time.monotonic() - began > timeout:
            raise CommandFailure(f"the daemon (pid {process.pid}) is not ready after {timeout:g} s: see {log}")
        time.sleep(0.02)
    print(f"nsorch is ready ({time.monotonic() - began:.1f} s, pid {process.pid}, log {log})")
    print(f"for kubectl: export KUBECONFIG={session.paths.kubeconfig}")


def daemon_argv(session: Session, **options: str | int) -> list[str]:
    """The command line of the daemon's own program; options left empty are left out."""
    argv = [sys.executable, "-m", "nsorch.daemon", "--root", str(session.paths.root)]
    for name, value in options.items():
        if value:
            argv += ["--" + name.replace("_", "-"), str(value)]
    return argv


def _ready(session: Session) -> bool:
    try:
        session.connection.call("GET", "/readyz", timeout=5)
    except CommandFailure:
        return False
    return True
