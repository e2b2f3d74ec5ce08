"""``nsorch``: the command line. One file per command; this one only joins them."""

from __future__ import annotations

import importlib
import io
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

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
    "events",
    "image",
    "explain-pod",
    "kubeconfig",
    "system",
    "daemon",
    "dns",
    "version",
)
"""Command names in the order of the help; ``explain-pod`` lives in ``explain_pod.py``."""


class _InOrder(TyperGroup):
    """Lists commands in the order of ``COMMANDS``."""

    def list_commands(self, ctx: object) -> list[str]:
        return [name for name in COMMANDS if name in self.commands]


app = typer.Typer(
    name="nsorch",
    cls=_InOrder,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="kubectl works as well: export KUBECONFIG=/var/lib/nsorch/kubeconfig",
)


@app.callback()
def common(
    root: Annotated[
        Path | None,
        typer.Option("--root", metavar="DIR", help="State folder of the instance meant [/var/lib/nsorch]."),
    ] = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    """Kubernetes on one Linux host without a container engine."""
    if root is not None:
        os.environ["NSORCH_ROOT"] = str(root)


def _load(only: str | None) -> None:
    """Register the command asked for, or all of them for the help: a command need not wait for the others' imports."""
    for command in (only,) if only else COMMANDS:
        module = importlib.import_module(f"nsorch.cli.{command.replace('-', '_')}")
        module.register(app)


def run() -> None:
    """Entry point of the console script."""
    # As every other program: Ctrl-C ends the command at once, a reader that has gone (`| head`) ends it in silence.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.stdout = _output()
    words = sys.argv[1:]
    while words[:1] and words[0].startswith("-"):
        words = words[2:] if words[0] == "--root" else words[1:]
    if "--version" in sys.argv[1 : len(sys.argv) - len(words)]:
        print(f"nsorch {__version__}", flush=True)
        return
    if words[:1] == ["help"]:
        sys.argv[1:] = [*words[1:], "--help"]
        words = words[1:]
    _load(words[0] if words and words[0] in COMMANDS else None)
    sys.exit(_status())


def _status() -> int:
    """Run the command; its exit status: 0 done, 1 failed, 2 not understood, or what a command of a Pod returned."""
    try:
        app()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except CommandFailure as failure:
        sys.stdout.flush()
        print(f"nsorch: {failure.message}", file=sys.stderr)
        status = failure.status
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"nsorch: {where}{error.strerror or error}", file=sys.stderr)
        status = 1
    except Exception as error:
        if os.environ.get("NSORCH_DEBUG"):
            raise
        print(
            f"nsorch: a mistake of nsorch itself: {type(error).__name__}: {error} (NSORCH_DEBUG=1 shows where)",
            file=sys.stderr,
        )
        status = 1
    sys.stdout.flush()
    return status


class _Stdout(io.FileIO):
    """Standard output that ends the process, as SIGPIPE ends others, when nobody reads it any more.

    SIGPIPE itself stays ignored: a daemon that goes away while it is written to must be reported.
    """

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGPIPE)
            raise


def _output() -> io.TextIOWrapper:
    """Standard output; file names that are not UTF-8 pass through as they are."""
    buffer = io.BufferedWriter(_Stdout(1, "wb", closefd=False))
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    errors = "surrogateescape" if encoding.lower().replace("-", "") == "utf8" else "backslashreplace"
    return io.TextIOWrapper(buffer, encoding=encoding, errors=errors, line_buffering=os.isatty(1))


if __name__ == "__main__":
    run()
