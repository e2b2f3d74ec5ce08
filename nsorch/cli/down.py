"""``nsorch down``: stop everything, or with ``--keep-pods`` only the daemon."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from typing import Annotated

import typer

from nsorch.cli import service
from nsorch.cli.durations import whole_seconds
from nsorch.cli.failure import CommandFailure
from nsorch.cli.options import Root, Session


def register(app: typer.Typer) -> None:
    app.command()(down)


def down(
    keep_pods: Annotated[bool, typer.Option("--keep-pods", help="Stop the daemon only; Pods go on.")] = False,
    timeout: Annotated[str, typer.Option("--timeout", metavar="TIME", help="Grace for Pods at the most.")] = "30s",
    root: Root = None,
) -> None:
    """Stop Pods and daemon, and clean up.

    Every device, rule, route, mount and cgroup is removed. Objects and images stay stored: the next `up` starts
    everything again.
    """
    grace = whole_seconds(timeout)
    session = Session(root)
    unit = service.active(session.paths)
    if unit:
        # told to end by anybody else, the daemon would be started again by systemd
        print(f"stopping {unit}", flush=True)
        service.systemctl("stop", unit)
    elif session.connection.alive():
        body = {"keepPods": keep_pods, "graceSeconds": grace}
        for line in session.connection.lines("POST", "/nsorch/v1/shutdown", body=body):
            print(line["message"], flush=True)
            if "pid" in line:
                _wait_for_end(line["pid"])
        return
    if keep_pods:
        if not unit:
            print(f"no nsorch daemon is running for {session.paths.root}")
        return
    if os.geteuid() != 0:
        raise CommandFailure("cannot clean up: it needs root (try sudo)")
    if not (session.paths.root / "settings.json").exists():
        print(f"nothing to stop: no nsorch daemon has run for {session.paths.root}")
        return
    argv = [sys.executable, "-m", "nsorch.daemon.teardown", "--grace", str(grace), "--root", str(session.paths.root)]
    sys.stdout.flush()
    raise typer.Exit(subprocess.run(argv, check=False).returncode)


def _wait_for_end(pid: int) -> None:
    """Return when the process has ended (pidfd_open(2): no polling)."""
    try:
        end = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if not select.select([end], [], [], 30)[0]:
            raise CommandFailure(f"the daemon (pid {pid}) does not end: see its log")
    finally:
        os.close(end)
