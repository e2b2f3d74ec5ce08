"""``nsorch delete``: delete objects by name, selector or manifest, and wait until they are gone."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from nsorch.cli.connection import ApiFailure, NoDaemon
from nsorch.cli.durations import seconds
from nsorch.cli.failure import CommandFailure
from nsorch.cli.kinds import Served
from nsorch.cli.names import resolve
from nsorch.cli.options import Everywhere, OwnNamespace, Recursive, Root, Selector, Session

CASCADES = {"background": "Background", "foreground": "Foreground", "orphan": "Orphan"}


@dataclass(frozen=True, slots=True)
class _Target:
    kind: Served
    namespace: str
    name: str

    @property
    def url(self) -> str:
        return self.kind.url(self.namespace, self.name)

    @property
    def title(self) -> str:
        return f'{self.kind.label} "{self.name}"'


def register(app: typer.Typer) -> None:
    app.command()(delete)


def delete(
    what: Annotated[list[str] | None, typer.Argument(metavar="KIND NAME... | KIND/NAME...", show_default=False)] = None,
    files: Annotated[
        list[str] | None,
        typer.Option("--filename", "-f", metavar="FILE", help="What these manifests name; repeatable."),
    ] = None,
    recursive: Recursive = False,
    namespace: OwnNamespace = "",
    selector: Selector = "",
    everything: Annotated[bool, typer.Option("--all", help="Every object of the kind in the namespace.")] = False,
    everywhere: Everywhere = False,
    grace_period: Annotated[
        int,
        typer.Option("--grace-period", metavar="SECONDS", help="Time to end in [the Pod's own].", show_default=False),
    ] = -1,
    force: Annotated[bool, typer.Option("--force", help="Kill at once: a grace period of 0.")] = False,
    cascade: Annotated[
        str, typer.Option("--cascade", metavar="HOW", help="What it owns: background, foreground or orphan.")
    ] = "background",
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the objects are gone.")] = True,
    ignore_not_found: Annotated[
        bool, typer.Option("--ignore-not-found", help="What is not there is no error.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, change nothing.")] = False,
    timeout: Annotated[str, typer.Option("--timeout", metavar="TIME", help="How long to wait.")] = "5m",
    root: Root = None,
) -> None:
    """Delete objects, and wait until they are gone.

    \b
    nsorch delete pod web-1
    nsorch delete -f app.yaml
    nsorch delete pods -l app=web --no-wait
    """
    if bool(what) == bool(files):
        raise CommandFailure("say what to delete: KIND NAME, KIND with -l or --all, or -f FILE", 2)
    if cascade not in CASCADES:
        raise CommandFailure(f'cannot cascade "{cascade}": choose one of {", ".join(CASCADES)}', 2)
    if force and grace_period > 0:
        raise CommandFailure("choose between --force and --grace-period", 2)
    deadline = time.monotonic() + seconds(timeout)
    session = Session(root)
    if files:
        targets, failed = _of_manifests(session, files, recursive, namespace)
    else:
        failed = False
        targets = _of_words(session, what or [], namespace or "default", selector, everything, everywhere)
    body: dict[str, Any] = {"propagationPolicy": CASCADES[cascade]}
    if force or grace_period >= 0:
        body["gracePeriodSeconds"] = 0 if force else grace_period
    if dry_run:
        body["dryRun"] = ["All"]
    pending: list[tuple[_Target, str]] = []
    for target in targets:
        try:
            answer = session.connection.call("DELETE", target.url, body=body)
        except ApiFailure as failure:
            if failure.code == 404 and ignore_not_found:
                continue
            failed = True
            _tell(failure)
            continue
        print(f"{target.title} deleted{' (dry run)' if dry_run else ''}", flush=True)
        pending.append((target, (answer.get("details") or answer.get("metadata") or {}).get("uid", "")))
    if not targets and not failed:
        print("No resources found", file=sys.stderr)
    if wait and not dry_run:
        for target, uid in pending:
            _wait_gone(session, target, uid, deadline)
    if failed:
        raise typer.Exit(1)


def _tell(failure: CommandFailure) -> None:
    print(f"nsorch: {failure.message}", file=sys.stderr)


def _of_manifests(session: Session, files: list[str], recursive: bool, namespace: str) -> tuple[list[_Target], bool]:
    from nsorch.cli import manifests

    targets: list[_Target] = []
    failed = False
    for manifest in reversed(manifests.read(files, recursive=recursive)):
        name = manifest.title.partition("/")[2]
        try:
            if not name:
                raise CommandFailure("it has no metadata.name")
            targets.append(_Target(session.kinds.of(manifest.document), manifest.namespace(namespace), name))
        except NoDaemon:
            raise
        except CommandFailure as failure:
            failed = True
            _tell(CommandFailure(f"cannot delete {manifest.title} of {manifest.source}: {failure.message}"))
    return targets, failed


def _of_words(
    session: Session, what: list[str], namespace: str, selector: str, everything: bool, everywhere: bool
) -> list[_Target]:
    targets: list[_Target] = []
    for kind, name in resolve(session.kinds, what):
        if name:
            if selector or everything or everywhere:
                raise CommandFailure("cannot delete by name and by -l, --all or -A at once", 2)
            targets.append(_Target(kind, namespace, name))
        elif selector or everything:
            url = kind.url(None if everywhere else namespace)
            items = session.connection.call("GET", url, query={"labelSelector": selector})["items"]
            targets += [
                _Target(kind, item["metadata"].get("namespace", ""), item["metadata"]["name"]) for item in items
            ]
        else:
            raise CommandFailure(f"cannot delete {kind.plural}: name them, or give -l LABELS or --all", 2)
    return targets


def _wait_gone(session: Session, target: _Target, uid: str, deadline: float) -> None:
    """Watch one object until it is deleted (no polling: the watch ends with the object)."""
    while True:
        try:
            current = session.connection.call("GET", target.url)
        except ApiFailure as failure:
            if failure.code == 404:
                return
            raise
        if uid and current["metadata"]["uid"] != uid:
            return
        left = deadline - time.monotonic()
        if left <= 0:
            break
        query = {
            "watch": "true",
            "fieldSelector": f"metadata.name={target.name}",
            "resourceVersion": current["metadata"]["resourceVersion"],
            "timeoutSeconds": max(1, round(left)),
        }
        collection = target.kind.url(target.namespace)
        for event in session.connection.lines("GET", collection, query=query, timeout=max(1.0, left) + 5):
            if event["type"] == "DELETED":
                return
    finalizers = current["metadata"].get("finalizers")
    why = f"its finalizers are {', '.join(finalizers)}" if finalizers else "`nsorch describe` tells its events"
    raise CommandFailure(f"timed out waiting for {target.title} to be gone: {why}")
