"""``nsorch status``: is the daemon well, and what does it run."""

from __future__ import annotations

import typer

from nsorch.cli import output as out
from nsorch.cli.durations import age
from nsorch.cli.image import size
from nsorch.cli.options import Document, Root, Session


def register(app: typer.Typer) -> None:
    app.command()(status)


def status(output: Document = "", root: Root = None) -> None:
    """Tell how the daemon is and what it runs."""
    out.check(output, ("", "json", "yaml"))
    answer = Session(root).connection.call("GET", "/nsorch/v1/status")
    if output:
        print(out.document(answer, output))
        return
    pods = ", ".join(f"{count} {phase}" for phase, count in answer["pods"].items()) or "none"
    for title, value in (
        ("Daemon", f"ready, pid {answer['pid']}, up {age(answer['started'])}, {size(answer['memory'])} resident"),
        ("Version", answer["version"]),
        ("Node", f"{answer['node']} at {answer['address']}"),
        ("API", f"{answer['url']}, {answer['socket']}"),
        ("Kubeconfig", answer["kubeconfig"]),
        ("Root", answer["root"]),
        ("Pods", f"{pods} (network {answer['podCIDR']})"),
        ("Services", f"{answer['services']} (network {answer['serviceCIDR']})"),
        ("Images", answer["images"]),
    ):
        print(f"{title + ':':<12}{value}")
