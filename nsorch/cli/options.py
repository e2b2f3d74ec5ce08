"""Options shared by commands, and the session they open."""

from __future__ import annotations

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
        show_default="/var/lib/nsorch",
        help="Where this nsorch instance keeps everything.",
    ),
]
Namespace = Annotated[str, typer.Option("--namespace", "-n", metavar="NAMESPACE", help="Namespace to work in.")]
Output = Annotated[str, typer.Option("--output", "-o", metavar="FORMAT", help="wide, json, yaml or name.")]
Files = Annotated[list[str], typer.Option("--filename", "-f", metavar="FILE", help='File, folder or "-"; repeatable.')]
Selector = Annotated[str, typer.Option("--selector", "-l", metavar="LABELS", help="Label selector, a=b,c!=d.")]
Everywhere = Annotated[bool, typer.Option("--all-namespaces", "-A", help="All namespaces.")]
Container = Annotated[str, typer.Option("--container", "-c", metavar="NAME", help="Container of the Pod.")]


class Session:
    """One command's view of the daemon."""

    def __init__(self, root: Path | None) -> None:
        self.paths = Paths.at(root)
        self.connection = Connection(self.paths)

    @cached_property
    def kinds(self) -> Kinds:
        """Fetched once, when first needed."""
        return Kinds(self.connection)
