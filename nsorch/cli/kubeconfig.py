"""``nsorch kubeconfig``: how kubectl reaches this instance."""

from __future__ import annotations

from typing import Annotated

import typer

from nsorch.cli.failure import CommandFailure
from nsorch.cli.options import Root, Session


def register(app: typer.Typer) -> None:
    app.command()(kubeconfig)


def kubeconfig(
    path: Annotated[bool, typer.Option("--path", help="Only the path of the file.")] = False,
    root: Root = None,
) -> None:
    """Print the administrator's kubeconfig.

    It holds a private key: keep it safe.

    \b
    export KUBECONFIG=$(nsorch kubeconfig --path)
    nsorch kubeconfig >~/.kube/config
    """
    file = Session(root).paths.kubeconfig
    try:
        text = file.read_text()
    except FileNotFoundError:
        raise CommandFailure(f"cannot read {file}: no daemon has run there yet, start one with `nsorch up`") from None
    except PermissionError:
        raise CommandFailure(f"cannot read {file}: only its owner may (try sudo)") from None
    print(file if path else text.rstrip("\n"))
