"""``nsorch explain-pod``: exactly what the kernel is asked to do for a Pod."""

from __future__ import annotations

from typing import Annotated

import typer

from nsorch.cli.connection import segment
from nsorch.cli.options import Namespace, Root, Session


def register(app: typer.Typer) -> None:
    app.command("explain-pod")(explain_pod)


def explain_pod(
    pod: Annotated[str, typer.Argument(metavar="POD")], namespace: Namespace = "default", root: Root = None
) -> None:
    """Print the plan by which a Pod was started, step by step."""
    name = pod.removeprefix("pod/")
    answer = Session(root).connection.call("GET", f"/nsorch/v1/explain/{segment(namespace)}/{segment(name)}")
    print("\n".join(answer["steps"]))
