"""``nsorch up``: start the daemon in the background and wait until it is ready."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from nsorch.cli import service
from nsorch.cli.connection import daemon_pid
from nsorch.cli.durations import seconds
from nsorch.cli.failure import CommandFailure
from nsorch.cli.options import Root, Session
from nsorch.kit.paths import Paths

NodeName = Annotated[
    str, typer.Option("--node-name", metavar="NAME", show_default="the host's name", help="Name of the Node.")
]
NodeAddress = Annotated[
    str,
    typer.Option("--node-address", metavar="IP", show_default="the default route's", help="The host's own address."),
]
PodCIDR = Annotated[
    str, typer.Option("--pod-cidr", metavar="CIDR", show_default="10.244.0.0/16", help="Network of the Pods.")
]
ServiceCIDR = Annotated[
    str, typer.Option("--service-cidr", metavar="CIDR", show_default="10.96.0.0/16", help="Network of the Services.")
]
Domain = Annotated[
    str, typer.Option("--cluster-domain", metavar="NAME", show_default="cluster.local", help="Domain of the Services.")
]
Port = Annotated[
    int,
    typer.Option("--api-port", metavar="PORT", min=0, max=65535, show_default="6443", help="HTTPS port for kubectl."),
]
Level = Annotated[str, typer.Option("--log-level", metavar="LEVEL", help="DEBUG, INFO, WARNING or ERROR.")]
LONGEST_SOCKET = 107
"""Bytes in the path of a unix socket, unix(7)."""


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
    timeout: Annotated[str, typer.Option("--timeout", metavar="TIME", help="How long to wait.")] = "60s",
    root: Root = None,
) -> None:
    """Start the daemon in the background.

    Waits until it is ready and tells how to use it. What is said of names and networks is remembered.
    """
    session = Session(root)
    limit = seconds(timeout)
    if os.geteuid() != 0:
        raise CommandFailure(
            "cannot start the daemon: it makes namespaces, mounts and rules, so it needs root (try sudo)"
        )
    options: dict[str, str | int] = {
        "node_name": node_name,
        "node_address": node_address,
        "pod_cidr": pod_cidr,
        "service_cidr": service_cidr,
        "cluster_domain": cluster_domain,
        "api_port": api_port,
    }
    _check_length(session.paths)
    began = time.monotonic()
    told = [f"--{name.replace('_', '-')}" for name, value in options.items() if value]
    if session.connection.alive() or daemon_pid(session.paths):
        _wait(session, limit, None, 0)
        print(f"nsorch is already running for {session.paths.root}")
        if told:
            print(f"Warning: {', '.join(told)} had no effect: `nsorch down --keep-pods` first", file=sys.stderr)
        return
    unit = service.installed(session.paths)
    if unit:
        if told:
            raise CommandFailure(
                f"cannot start with {', '.join(told)}: {unit} runs {session.paths.root}, and its command line is "
                f"/etc/systemd/system/{unit}"
            )
        service.systemctl("start", unit)
        _wait(session, limit, None, 0)
        print(f"nsorch is ready ({time.monotonic() - began:.1f} s, by {unit})")
    else:
        argv = daemon_argv(session, **options, log_level=log_level)
        session.paths.logs.mkdir(parents=True, exist_ok=True, mode=0o700)
        log = _log(session)
        with log.open("ab") as out:
            start = out.tell()
            process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, cwd="/", close_fds=True
            )
        _wait(session, limit, process, start)
        print(f"nsorch is ready ({time.monotonic() - began:.1f} s, pid {process.pid}, log {log})")
    print(f"for kubectl: export KUBECONFIG={session.paths.kubeconfig}")


def daemon_argv(session: Session, **options: str | int) -> list[str]:
    """The command line of the daemon's own program; options left empty are left out."""
    _check_length(session.paths)
    argv = [sys.executable, "-m", "nsorch.daemon", "--root", str(session.paths.root)]
    for name, value in options.items():
        if value:
            argv += ["--" + name.replace("_", "-"), str(value)]
    return argv


def _check_length(paths: Paths) -> None:
    over = len(os.fsencode(paths.pod_socket("0" * 36))) - LONGEST_SOCKET
    if over > 0:
        raise CommandFailure(
            f"cannot use --root {paths.root}: its path is {over} bytes too long for the sockets below it"
        )


def _log(session: Session) -> Path:
    return session.paths.logs / "daemon.log"


def _wait(session: Session, limit: float, process: subprocess.Popen[bytes] | None, start: int) -> None:
    """Return when the daemon is ready; CommandFailure with its last words (in the log from ``start``) if it ends."""
    end = time.monotonic() + limit
    while not _ready(session):
        if process is not None and process.poll() is not None:
            status = process.returncode
            raise CommandFailure(last_words(_log(session), start, status), 2 if status == 2 else 1)
        if time.monotonic() > end:
            raise CommandFailure(f"the daemon is not ready after {limit:g} s, it goes on: see {_log(session)}")
        time.sleep(0.02)


def last_words(log: Path, start: int, status: int) -> str:
    """Why the daemon ended, by the last line it wrote after byte ``start`` of its log."""
    with log.open("rb") as file:
        file.seek(start)
        lines = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    if status < 0:
        return f"the daemon was killed by signal {-status} while it started: see {log}"
    if not lines:
        return f"the daemon ended with status {status} and said nothing"
    why = lines[-1].removeprefix("nsorch daemon: ").removeprefix("error: ")
    crashed = any(line.startswith("Traceback") for line in lines)
    return f"the daemon could not start: {why}" + (f" (see {log})" if crashed else "")


def _ready(session: Session) -> bool:
    try:
        session.connection.call("GET", "/readyz", timeout=5)
    except CommandFailure:
        return False
    return True
