"""``nsorch scale``: set the number of replicas."""

from __future__ import annotations

from typing import Annotated

import typer

from nsorch.cli.failure import CommandFailure
from nsorch.cli.get import resolve
from nsorch.cli.options import Namespace, Root, Session


def register(app: typer.Typer) -> None:
    app.command()(scale)


def scale(
    what: Annotated[list[str], typer.Argument(metavar="KIND NAME | KIND/NAME...")],
    replicas: Annotated[int, typer.Option("--replicas", min=0, metavar="N")],
    current_replicas: Annotated[int, typer.Option("--current-replicas", help="Only if it is this many now.")] = -1,
    namespace: Namespace = "default",
    root: Root = None,
) -> None:
    """Set replicas: `nsorch scale deploy web --replicas 5`."""
    session = Session(root)
    for kind, name in resolve(session, what):
        if not name:
            raise CommandFailure(f"cannot scale {kind.plural}: name one", 2)
        url = kind.url(namespace, name, "scale")
        present = session.connection.call("GET", url)
        if current_replicas not in (-1, present["spec"].get("replicas", 0)):
            raise CommandFailure(
                f"cannot scale {kind.label}/{name}: expected {current_replicas} replicas, "
                f"there are {present['spec'].get('replicas', 0)}"
            )
        patch = {"spec": {"replicas": replicas}}
        if current_replicas != -1:
            patch["metadata"] = {"resourceVersion": present["metadata"]["resourceVersion"]}
        session.connection.call("PATCH", url, body=patch, content_type="application/merge-patch+json")
        print(f"{kind.label}/{name} scaled")
