"""``nsorch get``: list or show objects."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from nsorch.cli import output as out
from nsorch.cli.connection import TABLE, ApiFailure
from nsorch.cli.failure import CommandFailure
from nsorch.cli.kinds import Served
from nsorch.cli.options import Everywhere, Namespace, Output, Root, Selector, Session


def register(app: typer.Typer) -> None:
    app.command()(get)


def get(
    what: Annotated[list[str], typer.Argument(metavar="KIND[,KIND] [NAME...] | KIND/NAME...")],
    namespace: Namespace = "default",
    output: Output = "",
    selector: Selector = "",
    field_selector: Annotated[str, typer.Option("--field-selector", metavar="FIELDS")] = "",
    everywhere: Everywhere = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on printing changes.")] = False,
    root: Root = None,
) -> None:
    """Print objects: `nsorch get pods`, `nsorch get deploy web -o yaml`, `nsorch get all -A`."""
    out.check(output)
    session = Session(root)
    targets = resolve(session, what)
    if any(name for _, name in targets):
        if everywhere or selector or field_selector:
            raise CommandFailure("cannot get by name and by selector or in all namespaces at once", 2)
        _named(session, targets, namespace, output)
        return
    query = {"labelSelector": selector, "fieldSelector": field_selector}
    if watch:
        if len(targets) != 1:
            raise CommandFailure("cannot watch several kinds at once: name one", 2)
        _watch(session, targets[0][0], None if everywhere else namespace, output, query)
        return
    _listed(session, [kind for kind, _ in targets], None if everywhere else namespace, output, query)


def resolve(session: Session, what: list[str]) -> list[tuple[Served, str]]:
    """``pods web-1 web-2``, ``pod/web-1 svc/web`` or ``pods,svc`` as (kind, name) pairs; name "" means all."""
    if all("/" in word for word in what):
        pairs = [word.partition("/") for word in what]
        return [(session.kinds.find(kind), name) for kind, _, name in pairs]
    if any("/" in word for word in what):
        raise CommandFailure("cannot mix KIND/NAME with other forms: write KIND NAME... or KIND/NAME...", 2)
    kinds: list[Served] = []
    for word in what[0].split(","):
        kinds += session.kinds.category(word) or [session.kinds.find(word)]
    return [(kind, name) for kind in kinds for name in (what[1:] or [""])]


def _named(session: Session, targets: list[tuple[Served, str]], namespace: str, output: str) -> None:
    found: list[Any] = []
    failed: list[ApiFailure] = []
    for kind, name in targets:
        try:
            accept = TABLE if output in ("", "wide") else "application/json"
            found.append((kind, session.connection.call("GET", kind.url(namespace, name), accept=accept)))
        except ApiFailure as failure:
            failed.append(failure)
    if output in ("json", "yaml") and found:
        whole = found[0][1] if len(targets) == 1 else _list([item for _, item in found])
        print(out.document(whole, output))
    elif output == "name":
        for kind, item in found:
            print(out.name(kind, item))
    elif found:
        _print_tables([(kind, answer) for kind, answer in found], wide=output == "wide", with_namespace=False)
    for refused in failed[:-1]:
        typer.echo(f"nsorch: {refused.message}", err=True)
    if failed:
        raise failed[-1]


def _listed(session: Session, kinds: list[Served], namespace: str | None, output: str, query: dict[str, Any]) -> None:
    accept = TABLE if output in ("", "wide") else "application/json"
    answers = [
        (kind, session.connection.call("GET", kind.url(namespace), query=query, accept=accept)) for kind in kinds
    ]
    if output in ("json", "yaml"):
        items = []
        for kind, answer in answers:
            items += [{"apiVersion": kind.api_version, "kind": kind.kind, **item} for item in answer["items"]]
        print(out.document(_list(items), output))
    elif output == "name":
        for kind, answer in answers:
            for item in answer["items"]:
                print(out.name(kind, item))
    else:
        answers = [(kind, answer) for kind, answer in answers if answer.get("rows")]
        if not answers:
            typer.echo(f"No resources found in {namespace} namespace." if namespace else "No resources found", err=True)
        _print_tables(answers, wide=output == "wide", with_namespace=namespace is None)


def _print_tables(answers: list[tuple[Served, Any]], *, wide: bool, with_namespace: bool) -> None:
    merged: list[tuple[Served, Any]] = []
    for kind, answer in answers:
        if merged and merged[-1][0] == kind:
            merged[-1][1]["rows"] += answer["rows"]
        else:
            merged.append((kind, answer))
    several = len(merged) > 1
    blocks = []
    for kind, answer in merged:
        if several:
            for row in answer["rows"]:
                row["cells"][0] = f"{kind.label}/{row['cells'][0]}"
        blocks.append(out.table(answer, wide=wide, with_namespace=with_namespace and kind.namespaced))
    if blocks:
        print("\n\n".join(blocks))


def _watch(session: Session, kind: Served, namespace: str | None, output: str, query: dict[str, Any]) -> None:
    as_table = output in ("", "wide")
    query = {**query, "watch": "true"}
    first = True
    for event in session.connection.lines(
        "GET", kind.url(namespace), query=query, accept=TABLE if as_table else "application/json"
    ):
        item = event["object"]
        if event["type"] == "ERROR":
            raise CommandFailure(f"cannot go on watching: {item.get('message', item)}")
        if as_table:
            if first and item.get("columnDefinitions"):
                definitions = item["columnDefinitions"]
            item["columnDefinitions"] = definitions
            text = out.table(item, wide=output == "wide", with_namespace=namespace is None and kind.namespaced)
            print(text if first else text.partition("\n")[2], flush=True)
        elif output == "name":
            print(out.name(kind, item), flush=True)
        else:
            print(json.dumps(item) if output == "json" else "---\n" + out.document(item, "yaml"), flush=True)
        first = False


def _list(items: list[Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "List", "metadata": {}, "items": items}
