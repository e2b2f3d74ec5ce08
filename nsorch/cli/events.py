"""``nsorch events``: what happened, oldest first."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from nsorch.cli import output as out
from nsorch.cli.durations import age
from nsorch.cli.failure import CommandFailure
from nsorch.cli.options import Document, Everywhere, Namespace, Root, Session
from nsorch.kit.clock import parse_rfc3339

HEADER = ("Last seen", "Type", "Reason", "Object", "Message")


def register(app: typer.Typer) -> None:
    app.command()(events)


def events(
    namespace: Namespace = "default",
    everywhere: Everywhere = False,
    about: Annotated[str, typer.Option("--for", metavar="KIND/NAME", help="Only about this object.")] = "",
    types: Annotated[str, typer.Option("--types", metavar="TYPES", help="Only Normal or Warning.")] = "",
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on as they happen.")] = False,
    output: Document = "",
    root: Root = None,
) -> None:
    """Tell what happened, oldest first.

    \b
    nsorch events --for pod/web-1
    nsorch events -A --types Warning
    """
    out.check(output, ("", "json", "yaml"))
    session = Session(root)
    query = {}
    if about:
        typed, _, name = about.partition("/")
        if not typed or not name:
            raise CommandFailure(f'cannot read --for "{about}": write KIND/NAME', 2)
        query["fieldSelector"] = f"involvedObject.kind={session.kinds.find(typed).kind},involvedObject.name={name}"
    wanted = {word.strip().capitalize() for word in types.split(",") if word}
    if not wanted <= {"Normal", "Warning"}:
        raise CommandFailure(f'cannot read --types "{types}": there are Normal and Warning', 2)
    answer = fetch(session, None if everywhere else namespace, query)
    items = [item for item in sorted(answer["items"], key=order) if not wanted or item.get("type") in wanted]
    widths: list[int] = []
    if output and not watch:
        print(out.document(out.listed(items), output))
    elif output:
        for item in items:
            _print(item, output)
    elif items:
        print(_table(items, everywhere, widths), flush=True)
    elif not watch:
        where = "" if everywhere else f" in {namespace} namespace"
        print(f"No events found{where}.", file=sys.stderr)
    if watch:
        url = session.kinds.find("events").url(None if everywhere else namespace)
        query |= {"watch": "true", "resourceVersion": answer["metadata"]["resourceVersion"]}
        for change in session.connection.lines("GET", url, query=query):
            item = change["object"]
            if change["type"] == "ERROR":
                raise CommandFailure(f"cannot go on watching: {item.get('message', item)}")
            if change["type"] == "DELETED" or (wanted and item.get("type") not in wanted):
                continue
            if output:
                _print(item, output)
            else:
                print(_table([item], everywhere, widths), flush=True)


def _print(item: Mapping[str, Any], output: str) -> None:
    print(("---\n" if output == "yaml" else "") + out.document(item, output), flush=True)


def _table(items: list[Any], everywhere: bool, widths: list[int]) -> str:
    first = not widths
    header = ["Namespace"] * everywhere + [*HEADER]
    if first:
        widths += [0] * len(header)
    rows = [[item["metadata"]["namespace"]] * everywhere + row(item) for item in items]
    return out.columns(header, rows, widths, headers=first)


def fetch(session: Session, namespace: str | None, query: Mapping[str, Any]) -> dict[str, Any]:
    """The EventList."""
    found: dict[str, Any] = session.connection.call("GET", session.kinds.find("events").url(namespace), query=query)
    return found


def order(event: Mapping[str, Any]) -> tuple[float, int]:
    """Sorts Events as they happened; their times know whole seconds only."""
    version = event["metadata"].get("resourceVersion", "")
    return last_seen(event), int(version) if version.isdecimal() else 0


def last_seen(event: Mapping[str, Any]) -> float:
    """Seconds since the epoch."""
    series = event.get("series") or {}
    stamp = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return parse_rfc3339(stamp or event["metadata"]["creationTimestamp"])


def row(event: Mapping[str, Any]) -> list[str]:
    """One line of the table."""
    about = event["involvedObject"]
    count = (event.get("series") or {}).get("count") or event.get("count") or 1
    seen = age(last_seen(event)) + (f" (x{count})" if count > 1 else "")
    return [
        seen,
        event.get("type", ""),
        event.get("reason", ""),
        f"{about.get('kind', '').lower()}/{about.get('name', '')}",
        event.get("message", "").strip(),
    ]
