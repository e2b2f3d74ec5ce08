"""``nsorch apply``: make the cluster look like the manifests.

The daemon merges three ways (what was applied last, what is applied now, what lives), see ``/nsorch/v1/apply``.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from nsorch.cli import manifests
from nsorch.cli import output as out
from nsorch.cli.connection import NoDaemon
from nsorch.cli.failure import CommandFailure
from nsorch.cli.kinds import Served
from nsorch.cli.options import Files, Output, OwnNamespace, Recursive, Root, Session


def register(app: typer.Typer) -> None:
    app.command()(apply)


def apply(
    files: Files,
    namespace: OwnNamespace = "",
    output: Output = "",
    recursive: Recursive = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, change nothing.")] = False,
    root: Root = None,
) -> None:
    """Create or update objects from manifests.

    Namespaces, ConfigMaps and other things that objects need are applied before those that need them.

    \b
    nsorch apply -f app.yaml
    nsorch apply -f folder/ --dry-run
    generate | nsorch apply -n test -f -
    """
    out.check(output, ("", "json", "yaml", "name"))
    session = Session(root)
    session.connection.check()
    wanted = manifests.read(files, recursive=recursive)
    new_namespaces = [m.title.partition("/")[2] for m in wanted if m.document["kind"] == "Namespace"]
    documents: list[Any] = []
    failures = 0
    for manifest in wanted:
        try:
            kind, answer = _one(session, manifest, namespace, dry_run, new_namespaces)
        except NoDaemon:
            raise
        except CommandFailure as failure:
            failures += 1
            sys.stdout.flush()
            print(f"nsorch: cannot apply {manifest.title} of {manifest.source}: {failure.message}", file=sys.stderr)
            continue
        if output in ("json", "yaml"):
            documents.append(answer["object"])
        elif output == "name":
            print(out.name(kind, answer["object"]))
        else:
            print(f"{out.name(kind, answer['object'])} {answer['result']}{' (dry run)' if dry_run else ''}", flush=True)
    if documents:
        print(out.document(documents[0] if len(wanted) == 1 else out.listed(documents), output))
    if failures:
        raise typer.Exit(1)


def _one(
    session: Session, manifest: manifests.Manifest, namespace: str, dry_run: bool, new_namespaces: list[str]
) -> tuple[Served, Any]:
    kind = session.kinds.of(manifest.document)
    query = {
        "namespace": manifest.namespace(namespace) if kind.namespaced else "",
        "dryRun": "All" if dry_run else "",
        # in a dry run these have not been made, and count as if they were
        "assumeNamespace": new_namespaces if dry_run else "",
    }
    answer = session.connection.call("POST", "/nsorch/v1/apply", query=query, body=manifest.document)
    return kind, answer
