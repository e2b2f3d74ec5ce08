"""``nsorch scale``: set the number of replicas."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from nsorch.cli.connection import ApiFailure
from nsorch.cli.failure import CommandFailure
from nsorch.cli.names import resolve
from nsorch.cli.options import Namespace, Root, Session


def register(app: typer.Typer) -> None:
    app.command()(scale)


def scale(
    what: Annotated[list[str], typer.Argument(metavar="KIND NAME... | KIND/NAME...")],
    replicas: Annotated[int, typer.Option("--replicas", min=0, metavar="N", help="So many Pods.")],
    current_replicas: Annotated[
        int,
        typer.Option(
            "--current-replicas", min=-1, metavar="N", help="Only if it is this many now.", show_default=False
        ),
    ] = -1,
    namespace: Namespace = "default",
    root: Root = None,
) -> None:
    """Set the number of replicas.

    \b
    nsorch scale deploy web --replicas 5
    """
    session = Session(root)
    failed = False
    for kind, name in resolve(session.kinds, what):
        if not name:
            raise CommandFailure(f"cannot scale {kind.plural}: name one", 2)
        url = kind.url(namespace, name, "scale")
        try:
            present = session.connection.call("GET", url)
            now = present["spec"].get("replicas", 0)
            if current_replicas not in (-1, now):
                raise CommandFailure(f"expected {current_replicas} replicas, there are {now}")
            patch: dict[str, Any] = {"spec": {"replicas": replicas}}
            if current_replicas != -1:
                patch["metadata"] = {"resourceVersion": present["metadata"]["resourceVersion"]}
            session.connection.call("PATCH", url, body=patch, content_type="application/merge-patch+json")
        except CommandFailure as failure:
            if isinstance(failure, ApiFailure) and failure.code == 404 and not failure.answer.get("details"):
                raise CommandFailure(
                    f"cannot scale {kind.label}/{name}: a {kind.kind} has no replicas to set"
                ) from None
            failed = True
            print(f"nsorch: cannot scale {kind.label}/{name}: {failure.message}", file=sys.stderr)
            continue
        print(f"{kind.label}/{name} scaled", flush=True)
    if failed:
        raise typer.Exit(1)
