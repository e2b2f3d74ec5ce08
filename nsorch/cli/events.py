"""``nsorch events``: what happened, oldest first."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from nsorch.cli import output as out
from nsorch.cli.options import Everywhere, Namespace, Output, Root, Session
from nsorch.kit.clock import parse_rfc3339


def register(app: typer.Typer) -> None:
    app.command()(events)


def events(
    namespace: Namespace = "default",
    everywhere: Everywhere = False,
    about: Annotated[str, typer.Option("--for", metavar="KIND/NAME", help="Only about this object.")] = "",
    output: Output = "",
    root: Root = None,
) -> None:
    """Print Events: `nsorch events`, `nsorch events --for pod/web-1`."""
    out.check(output, ("", "json", "yaml"))
    session = Session(root)
    query = {}
    if about:
        typed, _, name = about.partition("/")
        query["fieldSelector"] = f"involvedObject.kind={session.kinds.find(typed).kind},involvedObject.name={name}"
    items = fetch(session, None if everywhere else namespace, query)
    if output:
        print(out.document({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": items}, output))
        return
    if not items:
        typer.echo("No events found.", err=True)
        return
    rows = [[*([item["metadata"]["namespace"]] if everywhere else []), *row(item)] for item in items]
    print(out.columns([*(["Namespace"] if everywhere else []), *HEADER], rows))


HEADER = ("Last seen", "Type", "Reason", "Object", "Message")


def fetch(session: Session, namespace: str | None, query: Mapping[str, Any]) -> list[Any]:
    """Events, oldest first."""
    items: list[Any] = session.connection.call("GET", session.kinds.find("events").url(namespace), query=query)["items"]
    return sorted(items, key=last_seen)


def last_seen(event: Mapping[str, Any]) -> float:
    """Seconds since the epoch."""
    series = event.get("series") or {}
    stamp = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return parse_rfc3339(stamp or event["metadata"]["creationTimestamp"])


def age(since: float) -> str:
    """``5s``, ``3m``, ``2h`` or ``4d`` ago."""
    seconds = max(0, int(time.time() - since))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def row(event: Mapping[str, Any]) -> list[str]:
    """One line of the table."""
    about = event["involvedObject"]
    count = event.get("count") or 1
    seen = age(last_seen(event)) + (f" (x{count})" if count > 1 else "")
    return [
        seen,
        event.get("type", ""),
        event.get("reason", ""),
        f"{about.get('kind', '').lower()}/{about.get('name', '')}",
        event.get("message", "").strip(),
    ]
