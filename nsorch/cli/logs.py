"""``nsorch logs``: what a container printed."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from nsorch.cli.failure import CommandFailure
from nsorch.cli.options import Container, Namespace, Root, Selector, Session


def register(app: typer.Typer) -> None:
    app.command()(logs)


def logs(
    pod: Annotated[str, typer.Argument(metavar="POD")] = "",
    container: Container = "",
    namespace: Namespace = "default",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as it prints.")] = False,
    previous: Annotated[bool, typer.Option("--previous", "-p", help="Of the run before.")] = False,
    tail: Annotated[int, typer.Option("--tail", metavar="N", help="Only the last N lines.")] = -1,
    since: Annotated[str, typer.Option("--since", metavar="DURATION", help="Newer than 5s, 2m or 3h.")] = "",
    timestamps: Annotated[bool, typer.Option("--timestamps")] = False,
    selector: Selector = "",
    root: Root = None,
) -> None:
    """Print a Pod's log: `nsorch logs web-1 -f`, `nsorch logs -l app=web --tail 5`."""
    session = Session(root)
    names = [pod.removeprefix("pod/").removeprefix("pods/")] if pod else []
    if selector:
        answer = session.connection.call(
            "GET", f"/api/v1/namespaces/{namespace}/pods", query={"labelSelector": selector}
        )
        names += [item["metadata"]["name"] for item in answer["items"]]
    if not names:
        raise CommandFailure("say whose log: POD or -l LABELS that match a Pod", 2)
    if follow and len(names) > 1:
        raise CommandFailure(f"cannot follow {len(names)} Pods at once: name one", 2)
    query = {
        "container": container,
        "follow": "true" if follow else "",
        "previous": "true" if previous else "",
        "timestamps": "true" if timestamps else "",
        "tailLines": tail if tail >= 0 else "",
        "sinceSeconds": seconds(since) if since else "",
    }
    for name in names:
        for chunk in session.connection.stream("GET", f"/api/v1/namespaces/{namespace}/pods/{name}/log", query=query):
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()


def seconds(duration: str) -> int:
    """``90``, ``5s``, ``2m`` or ``3h`` in seconds."""
    units = {"s": 1, "m": 60, "h": 3600}
    number, unit = (duration[:-1], duration[-1]) if duration[-1] in units else (duration, "s")
    if not number.isdigit():
        raise CommandFailure(f'cannot read the duration "{duration}": write it as 5s, 2m or 3h', 2)
    return int(number) * units[unit]
