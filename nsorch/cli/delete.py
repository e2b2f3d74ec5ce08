"""``nsorch delete``: delete objects by name, selector or manifest, and wait until they are gone."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from nsorch.cli import manifests
from nsorch.cli.connection import ApiFailure
from nsorch.cli.failure import CommandFailure
from nsorch.cli.get import resolve
from nsorch.cli.kinds import Served
from nsorch.cli.options import Namespace, Root, Selector, Session


def register(app: typer.Typer) -> None:
    app.command()(delete)


def delete(
    what: Annotated[list[str] | None, typer.Argument(metavar="KIND NAME... | KIND/NAME...")] = None,
    files: Annotated[list[str] | None, typer.Option("--filename", "-f", metavar="FILE")] = None,
    namespace: Namespace = "default",
    selector: Selector = "",
    everything: Annotated[bool, typer.Option("--all", help="Every object of the kind in the namespace.")] = False,
    grace_period: Annotated[int, typer.Option("--grace-period", metavar="SECONDS")] = -1,
    force: Annotated[bool, typer.Option("--force", help="Kill at once, wait for nothing.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the objects are gone.")] = True,
    ignore_not_found: Annotated[bool, typer.Option("--ignore-not-found")] = False,
    timeout: Annotated[float, typer.Option("--timeout", metavar="SECONDS", help="How long to wait.")] = 300,
    root: Root = None,
) -> None:
    """Delete objects: `nsorch delete pod web-1`, `nsorch delete -f app.yaml`, `nsorch delete pods -l app=web`."""
    session = Session(root)
    if bool(what) == bool(files):
        raise CommandFailure("say what to delete: KIND NAME, KIND with -l or --all, or -f FILE", 2)
    targets: list[tuple[Served, str, str]] = []
    if files:
        for manifest in reversed(manifests.read(files)):
            meta = manifest.document.get("metadata") or {}
            targets.append(
                (session.kinds.of(manifest.document), meta.get("namespace", namespace), meta.get("name", ""))
            )
    else:
        for kind, name in resolve(session, what or []):
            if name:
                targets.append((kind, namespace, name))
            elif selector or everything:
                answer = session.connection.call("GET", kind.url(namespace), query={"labelSelector": selector})
                targets += [(kind, namespace, item["metadata"]["name"]) for item in answer["items"]]
            else:
                raise CommandFailure(f"cannot delete {kind.plural}: name them, or give -l or --all", 2)
    body: dict[str, Any] = {"propagationPolicy": "Background"}
    if force or grace_period >= 0:
        body["gracePeriodSeconds"] = 0 if force else grace_period
    pending: list[tuple[str, str]] = []
    for kind, where, name in targets:
        url = kind.url(where, name)
        try:
            answer = session.connection.call("DELETE", url, body=body)
        except ApiFailure as failure:
            if failure.code == 404 and ignore_not_found:
                continue
            raise
        print(f'{kind.label} "{name}" deleted')
        uid = (answer.get("details") or answer.get("metadata") or {}).get("uid", "")
        pending.append((url, uid))
    if wait:
        deadline = time.monotonic() + timeout
        for url, uid in pending:
            _wait_gone(session, url, uid, deadline)


def _wait_gone(session: Session, url: str, uid: str, deadline: float) -> None:
    """Watch one object until it is deleted (no polling: the watch ends with the object)."""
    collection, _, name = url.rpartition("/")
    try:
        current = session.connection.call("GET", url)
    except ApiFailure as failure:
        if failure.code == 404:
            return
        raise
    if uid and current["metadata"]["uid"] != uid:
        return
    left = deadline - time.monotonic()
    query = {
        "watch": "true",
        "fieldSelector": f"metadata.name={name}",
        "resourceVersion": current["metadata"]["resourceVersion"],
        "timeoutSeconds": max(1, int(left)),
    }
    for event in session.connection.lines("GET", collection, query=query, timeout=max(1.0, left) + 5):
        if event["type"] == "DELETED":
            return
    raise CommandFailure(
        f"timed out waiting for {name} to be deleted: `nsorch describe` tells its finalizers and events"
    )
