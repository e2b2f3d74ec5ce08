"""Options shared by commands, and the session they open."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Annotated

import typer

from nsorch.cli.connection import Connection
from nsorch.cli.kinds import Kinds
from nsorch.kit.paths import Paths

Root = Annotated[
    Path | None,
    typer.Option(
        "--root",
        envvar="NSORCH_ROOT",
        metavar="DIR",
        show_envvar=False,
        help="State folder of the instance meant [env NSORCH_ROOT, default /var/lib/nsorch].",
    ),
]
Namespace = Annotated[str, typer.Option("--namespace", "-n", metavar="NAME", help="Namespace to work in.")]
OwnNamespace = Annotated[
    str,
    typer.Option("--namespace", "-n", metavar="NAME", help="Namespace of objects whose manifest names none [default]."),
]
Output = Annotated[str, typer.Option("--output", "-o", metavar="FORMAT", help="wide, json, yaml or name.")]
Document = Annotated[str, typer.Option("--output", "-o", metavar="FORMAT", help="json or yaml.")]
Files = Annotated[
    list[str],
    typer.Option("--filename", "-f", metavar="FILE", help='File, folder or "-" (standard input); repeatable.'),
]
Recursive = Annotated[bool, typer.Option("--recursive", "-R", help="Folders with all that is below.")]
Selector = Annotated[str, typer.Option("--selector", "-l", metavar="LABELS", help="Label selector, a=b,c!=d.")]
Everywhere = Annotated[bool, typer.Option("--all-namespaces", "-A", help="All namespaces.")]
Container = Annotated[str, typer.Option("--container", "-c", metavar="NAME", help="Container of the Pod.")]


def under_group(root: Root = None) -> None:
    """Lets ``--root`` stand between a group and its command: ``nsorch image --root DIR ls``."""
    if root is not None:
        os.environ["NSORCH_ROOT"] = str(root)


class Session:
    """One command's view of the daemon."""

    def __init__(self, root: Path | None) -> None:
        self.paths = Paths.at(root)
        self.connection = Connection(self.paths)

    @cached_property
    def kinds(self) -> Kinds:
        """Fetched once, when first needed."""
        return Kinds(self.connection)
