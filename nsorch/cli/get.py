"""``nsorch get``: list or show objects."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from nsorch.cli import output as out
from nsorch.cli.connection import JSON, TABLE, ApiFailure
from nsorch.cli.failure import CommandFailure
from nsorch.cli.kinds import Served
from nsorch.cli.names import resolve
from nsorch.cli.options import Everywhere, Namespace, Output, Root, Selector, Session
from nsorch.cli.watching import Watching


def register(app: typer.Typer) -> None:
    app.command()(get)


def get(
    what: Annotated[list[str], typer.Argument(metavar="KIND[,KIND] [NAME...] | KIND/NAME...")],
    namespace: Namespace = "default",
    output: Output = "",
    selector: Selector = "",
    field_selector: Annotated[
        str, typer.Option("--field-selector", metavar="FIELDS", help="Such as status.phase=Running.")
    ] = "",
    everywhere: Everywhere = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on printing changes.")] = False,
    show_labels: Annotated[bool, typer.Option("--show-labels", help="A column with the labels.")] = False,
    no_headers: Annotated[bool, typer.Option("--no-headers", help="Rows only.")] = False,
    ignore_not_found: Annotated[
        bool, typer.Option("--ignore-not-found", help="What is not there is no error.")
    ] = False,
    root: Root = None,
) -> None:
    """List or show objects.

    \b
    nsorch get pods -o wide
    nsorch get deploy web -o yaml
    nsorch get pods,services -l app=web
    nsorch get all -A
    """
    out.check(output)
    session = Session(root)
    targets = resolve(session.kinds, what)
    named = any(name for _, name in targets)
    if named and (everywhere or selector or field_selector):
        raise CommandFailure("cannot get by name and by selector or in all namespaces at once", 2)
    place = None if everywhere else namespace
    query = {"labelSelector": selector, "fieldSelector": field_selector}
    if watch:
        if len(targets) != 1:
            raise CommandFailure("cannot watch several at once: name one kind, or one object", 2)
        kind, name = targets[0]
        if name:
            session.connection.call("GET", kind.url(namespace, name))
            query["fieldSelector"] = f"metadata.name={name}"
        Watching(session, kind, place, query, output, labels=show_labels, headers=not no_headers).run()
        return
    accept = TABLE if output in ("", "wide") else JSON
    answers: list[tuple[Served, Any]] = []
    refused: list[ApiFailure] = []
    for kind, name in targets:
        try:
            url = kind.url(namespace, name) if name else kind.url(place)
            answers.append((kind, session.connection.call("GET", url, query={} if name else query, accept=accept)))
        except ApiFailure as failure:
            if not name:
                raise
            if failure.code != 404 or not ignore_not_found:
                refused.append(failure)
    if output in ("", "wide"):
        several = len({kind for kind, _ in targets}) > 1
        _print_tables(
            answers,
            wide=output == "wide",
            with_namespace=everywhere,
            with_kind=several,
            with_labels=show_labels,
            headers=not no_headers,
        )
        if not named and not any(answer.get("rows") for _, answer in answers):
            scoped = place and any(kind.namespaced for kind, _ in targets)
            told = f"No resources found in {place} namespace." if scoped else "No resources found"
            print(told, file=sys.stderr)
    else:
        _print_documents(answers, output, single=named and len(targets) == 1)
    _refuse(refused)


def _refuse(refused: list[ApiFailure]) -> None:
    for failure in refused[:-1]:
        print(f"nsorch: {failure.message}", file=sys.stderr)
    if refused:
        sys.stdout.flush()
        raise refused[-1]


def _print_documents(answers: list[tuple[Served, Any]], output: str, *, single: bool) -> None:
    items: list[tuple[Served, Any]] = []
    for kind, answer in answers:
        if "items" in answer and answer.get("kind", "").endswith("List"):
            items += [(kind, {"apiVersion": kind.api_version, "kind": kind.kind, **item}) for item in answer["items"]]
        else:
            items.append((kind, answer))
    if output == "name":
        for kind, item in items:
            print(out.name(kind, item))
    elif single and items:
        print(out.document(items[0][1], output))
    elif not single:
        print(out.document(out.listed([item for _, item in items]), output))


def _print_tables(
    answers: list[tuple[Served, Any]],
    *,
    wide: bool,
    with_namespace: bool,
    with_kind: bool,
    with_labels: bool,
    headers: bool,
) -> None:
    merged: list[tuple[Served, Any]] = []
    for kind, answer in answers:
        if not answer.get("rows"):
            continue
        if merged and merged[-1][0] == kind:
            merged[-1][1]["rows"] += answer["rows"]
        else:
            merged.append((kind, answer))
    blocks = []
    for kind, answer in merged:
        if with_kind:
            for row in answer["rows"]:
                row["cells"][0] = f"{kind.label}/{row['cells'][0]}"
        blocks.append(
            out.table(
                answer,
                wide=wide,
                with_namespace=with_namespace and kind.namespaced,
                with_labels=with_labels,
                headers=headers,
            )
        )
    if blocks:
        print("\n\n".join(blocks))
