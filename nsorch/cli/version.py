"""``nsorch version``: of this command and of the daemon."""

from __future__ import annotations

import typer

from nsorch import __version__
from nsorch.cli import output as out
from nsorch.cli.failure import CommandFailure
from nsorch.cli.options import Document, Root, Session


def register(app: typer.Typer) -> None:
    app.command()(version)


def version(output: Document = "", root: Root = None) -> None:
    """Print the versions of this command and the daemon."""
    out.check(output, ("", "json", "yaml"))
    session = Session(root)
    answer = {"client": __version__}
    try:
        told = session.connection.call("GET", "/version", timeout=5)
        answer["server"] = told["gitVersion"]
    except CommandFailure:
        answer["server"] = "not running"
    if output:
        print(out.document(answer, output))
    else:
        print(f"nsorch {answer['client']}\ndaemon {answer['server']}")
