"""``nsorch describe``: one object in words, with its Events."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from nsorch.cli import output as out
from nsorch.cli.events import HEADER, fetch, row
from nsorch.cli.kinds import Served
from nsorch.cli.names import resolve
from nsorch.cli.options import Namespace, Root, Selector, Session

HIDDEN = ("managedFields", "selfLink", "name", "namespace", "labels", "annotations", "uid", "resourceVersion")
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def register(app: typer.Typer) -> None:
    app.command()(describe)


def describe(
    what: Annotated[list[str], typer.Argument(metavar="KIND [NAME...] | KIND/NAME...")],
    namespace: Namespace = "default",
    selector: Selector = "",
    root: Root = None,
) -> None:
    """Tell everything about an object, and its Events: `nsorch describe pod web-1`."""
    session = Session(root)
    blocks = []
    for kind, name in resolve(session.kinds, what):
        if name:
            items = [session.connection.call("GET", kind.url(namespace, name))]
        else:
            items = session.connection.call("GET", kind.url(namespace), query={"labelSelector": selector})["items"]
        blocks += ["\n".join(_lines(session, kind, item)) for item in items]
    if not blocks:
        typer.echo(f"No resources found in {namespace} namespace.", err=True)
    elif blocks:
        print("\n\n\n".join(blocks))


def _lines(session: Session, kind: Served, item: dict[str, Any]) -> Iterator[str]:
    meta = item["metadata"]
    yield f"{'Name:':<18}{meta['name']}"
    if "namespace" in meta:
        yield f"{'Namespace:':<18}{meta['namespace']}"
    for title in ("labels", "annotations"):
        pairs = [f"{k}={v}" for k, v in sorted((meta.get(title) or {}).items()) if k != LAST_APPLIED]
        for i, pair in enumerate(pairs or ["<none>"]):
            yield f"{title.title() + ':' if i == 0 else '':<18}{pair}"
    rest = {k: v for k, v in meta.items() if k not in HIDDEN}
    yield from _tree({_title(k): v for k, v in rest.items()}, 0)
    conditions = (item.get("status") or {}).pop("conditions", None)
    yield from _tree({_title(k): v for k, v in item.items() if k not in ("apiVersion", "kind", "metadata")}, 0)
    if conditions:
        yield "Conditions:"
        rows = [[c.get("type"), c.get("status"), c.get("reason", ""), c.get("message", "")] for c in conditions]
        yield from _indented(out.columns(("Type", "Status", "Reason", "Message"), rows))
    query = {"fieldSelector": f"involvedObject.uid={meta['uid']}"}
    events = fetch(session, meta.get("namespace"), query)["items"]
    if not events:
        yield f"{'Events:':<18}<none>"
        return
    yield "Events:"
    yield from _indented(out.columns(HEADER, [row(event) for event in events]))


def _tree(value: dict[str, Any], depth: int) -> Iterator[str]:
    pad = "  " * depth
    for key, inner in value.items():
        if isinstance(inner, dict) and inner:
            yield f"{pad}{key}:"
            yield from _tree({_title(k): v for k, v in inner.items()} if depth < 1 else inner, depth + 1)
        elif isinstance(inner, list) and inner and isinstance(inner[0], dict):
            yield f"{pad}{key}:"
            for entry in inner:
                lines = list(_tree(entry, depth + 2))
                yield f"{pad}  - {lines[0].strip()}" if lines else f"{pad}  - {{}}"
                yield from lines[1:]
        else:
            text = ", ".join(map(str, inner)) if isinstance(inner, list) else str(inner)
            yield f"{pad + key + ':':<18}{' ' if len(pad + key) > 16 else ''}{text}".rstrip()


def _title(key: str) -> str:
    """``creationTimestamp`` as ``Creation Timestamp``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", key[:1].upper() + key[1:])


def _indented(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield "  " + line
