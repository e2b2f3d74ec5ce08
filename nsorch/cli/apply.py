"""``nsorch apply``: make the cluster look like the manifests.

The daemon merges three ways (what was applied last, what is applied now, what lives), see ``/nsorch/v1/apply``.
"""

from __future__ import annotations

from typing import Annotated

import typer

from nsorch.cli import manifests
from nsorch.cli import output as out
from nsorch.cli.connection import ApiFailure
from nsorch.cli.failure import CommandFailure
from nsorch.cli.options import Files, Namespace, Output, Root, Session


def register(app: typer.Typer) -> None:
    app.command()(apply)


def apply(
    files: Files,
    namespace: Namespace = "default",
    output: Output = "",
    recursive: Annotated[bool, typer.Option("--recursive", "-R", help="Folders and all below.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, change nothing.")] = False,
    root: Root = None,
) -> None:
    """Create or update objects from manifests: `nsorch apply -f app.yaml`, `nsorch apply -f folder/`."""
    out.check(output, ("", "json", "yaml", "name"))
    session = Session(root)
    failures = 0
    for manifest in manifests.read(files, recursive=recursive):
        try:
            kind = session.kinds.of(manifest.document)
            answer = session.connection.call(
                "POST",
                "/nsorch/v1/apply",
                query={"namespace": namespace, "dryRun": "All" if dry_run else ""},
                body=manifest.document,
            )
        except ApiFailure as failure:
            failures += 1
            typer.echo(f"nsorch: cannot apply {manifest.title} of {manifest.source}: {failure.message}", err=True)
            continue
        except CommandFailure as failure:
            if not session.connection.alive():
                raise
            failures += 1
            typer.echo(f"nsorch: cannot apply {manifest.title} of {manifest.source}: {failure.message}", err=True)
            continue
        if output in ("json", "yaml"):
            print(("---\n" if output == "yaml" else "") + out.document(answer["object"], output))
        elif output == "name":
            print(out.name(kind, answer["object"]))
        else:
            print(f"{out.name(kind, answer['object'])} {answer['result']}{' (dry run)' if dry_run else ''}")
    if failures:
        raise typer.Exit(1)
