"""``nsorch``: the command line. One file per command; this one only joins them."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from nsorch import __version__
from nsorch.cli.failure import CommandFailure

COMMANDS = (
    "up",
    "down",
    "status",
    "apply",
    "get",
    "describe",
    "delete",
    "logs",
    "exec",
    "scale",
    "rollout",
    "image",
    "events",
    "kubeconfig",
    "explain-pod",
    "system",
    "daemon",
    "dns",
    "version",
)
"""Command names in the order of the help; ``explain-pod`` lives in ``explain_pod.py``."""

app = typer.Typer(
    name="nsorch",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Kubernetes on one Linux host without a container engine.",
    epilog="kubectl works as well: export KUBECONFIG=/var/lib/nsorch/kubeconfig",
)


@app.callback()
def common(
    root: Annotated[
        Path | None, typer.Option("--root", metavar="DIR", help="Where this instance keeps everything.")
    ] = None,
) -> None:
    if root is not None:
        os.environ["NSORCH_ROOT"] = str(root)


def _load(only: str | None) -> None:
    """Register the command asked for, or all of them for the help: a command need not wait for the others' imports."""
    for command in (only,) if only else COMMANDS:
        module = importlib.import_module(f"nsorch.cli.{command.replace('-', '_')}")
        module.register(app)


def run() -> None:
    """Entry point of the console script."""
    words = sys.argv[1:]
    while words[:1] and words[0].startswith("-"):
        words = words[2:] if words[0] == "--root" else words[1:]
    if sys.argv[1:] == ["--version"]:
        print(f"nsorch {__version__}")
        return
    _load(words[0] if words and words[0] in COMMANDS else None)
    try:
        app()
    except CommandFailure as failure:
        print(f"nsorch: {failure.message}", file=sys.stderr)
        sys.exit(failure.status)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    run()
