"""``nsorch explain-pod``: exactly what the kernel is asked to do for a Pod."""

from __future__ import annotations

from typing import Annotated

import typer

from nsorch.cli import targets
from nsorch.cli.connection import segment
from nsorch.cli.options import Namespace, Root, Session


def register(app: typer.Typer) -> None:
    app.command("explain-pod")(explain_pod)


def explain_pod(
    pod: Annotated[str, typer.Argument(metavar="POD|KIND/NAME")], namespace: Namespace = "default", root: Root = None
) -> None:
    """Tell what the kernel was asked to do for a Pod, step by step.

    \b
    nsorch explain-pod web-1
    """
    session = Session(root)
    name = targets.one(session, pod, namespace)["metadata"]["name"]
    answer = session.connection.call("GET", f"/nsorch/v1/explain/{segment(namespace)}/{segment(name)}")
    print("\n".join(answer["steps"]))
