"""``nsorch down``: stop everything, or with ``--keep-pods`` only the daemon."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from typing import Annotated

import typer

from nsorch.cli.failure import CommandFailure
from nsorch.cli.options import Root, Session


def register(app: typer.Typer) -> None:
    app.command()(down)


def down(
    keep_pods: Annotated[bool, typer.Option("--keep-pods", help="Stop the daemon only; Pods go on.")] = False,
    timeout: Annotated[int, typer.Option("--timeout", metavar="SECONDS", help="Grace for Pods at the most.")] = 30,
    root: Root = None,
) -> None:
    """Stop every Pod and remove every device, rule, route, mount and cgroup. What was asked for stays stored: the next
    `up` starts it again."""
    session = Session(root)
    if session.connection.alive():
        body = {"keepPods": keep_pods, "graceSeconds": timeout}
        for line in session.connection.lines("POST", "/nsorch/v1/shutdown", body=body):
            print(line["message"], flush=True)
            if "pid" in line:
                _wait_for_end(line["pid"])
        return
    if keep_pods:
        print(f"no nsorch daemon is running for {session.paths.root}")
        return
    if os.geteuid() != 0:
        raise CommandFailure("cannot clean up: only root may (try sudo)")
    if not session.paths.root.exists():
        print(f"nothing to stop: {session.paths.root} does not exist")
        return
    argv = [sys.executable, "-m", "nsorch.daemon.teardown", "--root", str(session.paths.root), "--grace", str(timeout)]
    done = subprocess.run(argv, check=False)
    raise typer.Exit(done.returncode)


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
