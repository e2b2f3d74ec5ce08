"""``nsorch system``: the host's side: the systemd unit."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated

import typer

from nsorch.cli.options import Root, Session, under_group

group = typer.Typer(no_args_is_help=True, callback=under_group, help="Make nsorch a systemd service of this host.")


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="system")


def _run(root: object, *words: str) -> None:
    from pathlib import Path

    assert root is None or isinstance(root, Path)
    argv = [sys.executable, "-m", "nsorch.daemon.systemd", *words, "--root", str(Session(root).paths.root)]
    raise typer.Exit(subprocess.run(argv, check=False).returncode)


@group.command()
def install(
    start: Annotated[bool, typer.Option("--start/--no-start", help="Enable and start the unit.")] = True,
    root: Root = None,
) -> None:
    """Write the systemd unit nsorch.service, and start it."""
    _run(root, "install", *([] if start else ["--no-start"]))


@group.command()
def uninstall(root: Root = None) -> None:
    """Stop the service and remove its unit (state under the root stays)."""
    _run(root, "uninstall")
