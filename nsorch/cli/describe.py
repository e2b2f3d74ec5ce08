"""``nsorch describe``: objects in words, with their Events."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

import typer

from nsorch.cli import output as out
from nsorch.cli.connection import ApiFailure
from nsorch.cli.descriptions.text import field, indented
from nsorch.cli.events import fetch, order, row
from nsorch.cli.failure import CommandFailure
from nsorch.cli.kinds import Served
from nsorch.cli.names import resolve
from nsorch.cli.options import Everywhere, Namespace, Root, Selector, Session

Describer = Callable[[Session, Mapping[str, Any]], Iterator[str]]
DESCRIBERS = {
    "pods": "pod:lines",
    "deployments.apps": "workloads:deployment",
    "replicasets.apps": "workloads:replica_set",
    "services": "services:lines",
    "nodes": "node:lines",
    "configmaps": "data:config_map",
    "secrets": "data:secret",
}
"""Kinds with words of their own, ``file:function``; all others are shown as a tree."""
HEADER = ("Last seen", "Type", "Reason", "Message")


def register(app: typer.Typer) -> None:
    app.command()(describe)


def describe(
    what: Annotated[list[str], typer.Argument(metavar="KIND [NAME...] | KIND/NAME...")],
    namespace: Namespace = "default",
    selector: Selector = "",
    everywhere: Everywhere = False,
    root: Root = None,
) -> None:
    """Tell everything about objects, and their Events.

    \b
    nsorch describe pod web-1
    nsorch describe deploy/web svc/web
    nsorch describe pods -l app=web
    """
    session = Session(root)
    blocks = []
    refused: list[ApiFailure] = []
    for kind, name in resolve(session.kinds, what):
        if name and (selector or everywhere):
            raise CommandFailure("cannot describe by name and by selector or in all namespaces at once", 2)
        try:
            if name:
                items = [session.connection.call("GET", kind.url(namespace, name))]
            else:
                url = kind.url(None if everywhere else namespace)
                items = session.connection.call("GET", url, query={"labelSelector": selector})["items"]
        except ApiFailure as failure:
            refused.append(failure)
            continue
        blocks += ["\n".join(_lines(session, kind, item)) for item in items]
    if blocks:
        print("\n\n\n".join(blocks), flush=True)
    elif not refused:
        print("No resources found" if everywhere else f"No resources found in {namespace} namespace.", file=sys.stderr)
    for other in refused[:-1]:
        print(f"nsorch: {other.message}", file=sys.stderr)
    if refused:
        raise refused[-1]


def _lines(session: Session, kind: Served, item: dict[str, Any]) -> Iterator[str]:
    own = f"{kind.plural}.{kind.group}" if kind.group else kind.plural
    file, _, function = DESCRIBERS.get(own, "anything:lines").partition(":")
    describer: Describer = getattr(importlib.import_module(f"nsorch.cli.descriptions.{file}"), function)
    yield from describer(session, item)
    meta = item["metadata"]
    if kind.plural == "events":
        return
    # A Node's Events name it instead of carrying its uid.
    query = {"fieldSelector": f"involvedObject.kind={kind.kind},involvedObject.name={meta['name']}"}
    events = [
        event
        for event in fetch(session, meta.get("namespace"), query)["items"]
        if event["involvedObject"].get("uid") in (None, "", meta["uid"], meta["name"])
    ]
    if not events:
        yield field("Events", "")
        return
    yield "Events:"
    rows = []
    for event in sorted(events, key=order):
        seen, severity, reason, _, message = row(event)
        rows.append([seen, severity, reason, message])
    yield from indented(out.columns(HEADER, rows))
