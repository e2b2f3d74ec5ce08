"""``nsorch image``: the images on this host."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from nsorch.cli import output as out
from nsorch.cli.connection import ApiFailure, segment
from nsorch.cli.durations import age
from nsorch.cli.failure import CommandFailure
from nsorch.cli.options import Document, Root, Session, under_group

group = typer.Typer(no_args_is_help=True, callback=under_group, help="Build, load, list and remove images.")
IMAGES = "/nsorch/v1/images"
Listing = Annotated[str, typer.Option("--output", "-o", metavar="FORMAT", help="json, yaml or name.")]
Reference = Annotated[str, typer.Argument(metavar="IMAGE", help="Reference or id.")]


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="image")


@group.command()
def build(
    context: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder with a Containerfile, such as rootfs/busybox.")
    ],
    tag: Annotated[str, typer.Option("--tag", "-t", metavar="NAME[:TAG]", show_default="the folder's name")] = "",
    file: Annotated[str, typer.Option("--file", "-f", metavar="FILE", help="Containerfile, relative to DIR.")] = "",
    build_arg: Annotated[
        list[str] | None,
        typer.Option("--build-arg", metavar="NAME=VALUE", help="For an ARG of the recipe; repeatable."),
    ] = None,
    target: Annotated[str, typer.Option("--target", metavar="STAGE", help="Stop at this stage.")] = "",
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Do every step again.")] = False,
    root: Root = None,
) -> None:
    """Turn a recipe into an image.

    \b
    nsorch image build rootfs/busybox
    nsorch image build . -t shop:1.2 --build-arg MODE=fast
    """
    if not context.is_dir():
        why = "it is no folder" if context.exists() else "no such folder"
        raise CommandFailure(f"cannot build {context}: {why}")
    tag = tag or context.absolute().name
    for pair in build_arg or ():
        if "=" not in pair:
            raise CommandFailure(f'cannot read --build-arg "{pair}": write NAME=VALUE', 2)
    body = {
        "context": str(context.absolute()),
        "file": file or None,
        "tag": tag,
        "args": dict(pair.split("=", 1) for pair in build_arg or ()),
        "target": target,
        "no_cache": no_cache,
    }
    _follow(Session(root), f"{IMAGES}/build", body)


@group.command()
def load(
    archive: Annotated[
        str, typer.Argument(metavar="ARCHIVE", help='docker-archive or oci-archive tar, OCI layout folder, or "-".')
    ],
    tag: Annotated[str, typer.Option("--tag", "-t", metavar="NAME[:TAG]", help="For an archive without names.")] = "",
    root: Root = None,
) -> None:
    """Take in an image made elsewhere.

    \b
    docker save shop:1.2 | nsorch image load -
    nsorch image load shop.tar
    """
    session = Session(root)
    session.connection.check()
    if archive == "-":
        if sys.stdin.isatty():
            raise CommandFailure("cannot load from standard input: it is a terminal", 2)
        with tempfile.TemporaryFile() as file:  # without a name: nothing stays, however this command ends
            shutil.copyfileobj(sys.stdin.buffer, file)
            file.flush()
            if not file.tell():
                raise CommandFailure("cannot load from standard input: it is empty")
            _follow(session, f"{IMAGES}/load", {"path": f"/proc/{os.getpid()}/fd/{file.fileno()}", "tag": tag})
        return
    path = Path(archive)
    if not path.exists():
        raise CommandFailure(f"cannot load {archive}: no such file")
    _follow(session, f"{IMAGES}/load", {"path": str(path.absolute()), "tag": tag})


def _follow(session: Session, path: str, body: Any) -> None:
    for line in session.connection.lines("POST", path, body=body):
        if "error" in line:
            raise CommandFailure(line["error"])
        print(line["message"], flush=True)


@group.command()
def ls(
    output: Annotated[str, typer.Option("--output", "-o", metavar="FORMAT", help="json, yaml or name.")] = "",
    root: Root = None,
) -> None:
    """List the images."""
    out.check(output, ("", "json", "yaml", "name"))
    images = Session(root).connection.call("GET", IMAGES)["items"]
    if output in ("json", "yaml"):
        print(out.document(images, output))
        return
    rows = []
    for image in images:
        created = age(image["created"]) if image.get("created") else ""
        for reference in image["references"] or ["<none>"]:
            name, _, tag = reference.rpartition(":")
            rows.append(
                [name or reference, tag, image["id"].removeprefix("sha256:")[:12], size(image["size"]), created]
            )
    if output == "name":
        print("\n".join(reference for image in images for reference in image["references"]))
    else:
        print(out.columns(("Image", "Tag", "Id", "Size", "Age"), rows))


@group.command()
def inspect(reference: Reference, output: Document = "yaml", root: Root = None) -> None:
    """Print an image's configuration, layers and sizes."""
    out.check(output, ("json", "yaml"))
    print(out.document(Session(root).connection.call("GET", f"{IMAGES}/{segment(reference)}"), output))


@group.command()
def rm(
    references: Annotated[list[str], typer.Argument(metavar="IMAGE...")],
    force: Annotated[bool, typer.Option("--force", help="Even if Pods use it.")] = False,
    root: Root = None,
) -> None:
    """Remove images and what only they need."""
    session = Session(root)
    failed = False
    for reference in references:
        query = {"force": "true" if force else ""}
        try:
            session.connection.call("DELETE", f"{IMAGES}/{segment(reference)}", query=query)
        except ApiFailure as failure:
            failed = True
            print(f"nsorch: {failure.message}", file=sys.stderr)
            continue
        print(f'image "{reference}" removed', flush=True)
    if failed:
        raise typer.Exit(1)


@group.command()
def prune(root: Root = None) -> None:
    """Forget build steps, and remove what no image needs (named images stay)."""
    print(f"{size(Session(root).connection.call('POST', f'{IMAGES}/prune')['freed'])} freed")


def size(count: float) -> str:
    """Bytes for people: ``12.3MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g}{unit}"
        count /= 1000
    return f"{count:.3g}TB"
