"""``nsorch rollout``: follow and steer the updates of a Deployment."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from nsorch.cli import output as out
from nsorch.cli.descriptions.containers import template as describe_template
from nsorch.cli.durations import seconds
from nsorch.cli.failure import CommandFailure
from nsorch.cli.kinds import Served
from nsorch.cli.names import resolve
from nsorch.cli.options import Namespace, Output, Root, Session, under_group
from nsorch.cli.revisions import number, replica_sets

Name = Annotated[list[str], typer.Argument(metavar="NAME | deploy/NAME")]
Revision = Annotated[int, typer.Option("--revision", metavar="N", min=0, show_default=False, help="Only this one.")]
group = typer.Typer(no_args_is_help=True, callback=under_group, help="Follow and steer the updates of a Deployment.")


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="rollout")


def _deployment(session: Session, what: list[str], namespace: str) -> tuple[Served, str, dict[str, Any]]:
    targets = resolve(session.kinds, what if len(what) > 1 or "/" in what[0] else ["deployment", what[0]])
    kind, name = targets[0]
    if kind.plural != "deployments":
        raise CommandFailure(f"cannot roll {kind.label}/{name}: only Deployments are updated in steps", 2)
    if len(targets) != 1 or not name:
        raise CommandFailure(f'cannot read "{" ".join(what)}": name one Deployment', 2)
    url = kind.url(namespace, name)
    return kind, url, session.connection.call("GET", url)


@group.command()
def status(
    what: Name,
    namespace: Namespace = "default",
    watch: Annotated[bool, typer.Option("--watch/--no-watch", help="Wait for the end.")] = True,
    timeout: Annotated[str, typer.Option("--timeout", metavar="TIME", help="0: as long as it takes.")] = "0",
    revision: Annotated[
        int, typer.Option("--revision", metavar="N", min=0, show_default=False, help="Only while this is the newest.")
    ] = 0,
    root: Root = None,
) -> None:
    """Tell how far the newest update is, and wait for its end.

    The exit status is 1 if it fails.

    \b
    nsorch rollout status web --timeout 2m
    """
    session = Session(root)
    limit = seconds(timeout)
    kind, _, deployment = _deployment(session, what, namespace)
    name = deployment["metadata"]["name"]
    deadline = time.monotonic() + limit if limit else None
    if revision not in (0, number(deployment)):
        raise CommandFailure(f"revision {revision} of {kind.label}/{name} is not the newest: {number(deployment)} is")
    text, done = progress(deployment)
    print(text, flush=True)
    while not done and watch:
        left = max(1, int(deadline - time.monotonic())) if deadline else 3600
        query = {
            "watch": "true",
            "fieldSelector": f"metadata.name={name}",
            "resourceVersion": deployment["metadata"]["resourceVersion"],
            "timeoutSeconds": left,
        }
        for event in session.connection.lines("GET", kind.url(namespace), query=query, timeout=left + 10):
            if event["type"] == "DELETED":
                raise CommandFailure(f"cannot follow {kind.label}/{name}: it was deleted")
            if event["type"] == "ERROR":
                raise CommandFailure(f"cannot follow {kind.label}/{name}: {event['object'].get('message')}")
            deployment = event["object"]
            if revision not in (0, number(deployment)):
                raise CommandFailure(f"revision {revision} of {kind.label}/{name} was followed by {number(deployment)}")
            before = text
            text, done = progress(deployment)
            if text != before:
                print(text, flush=True)
            if done:
                return
        if deadline and time.monotonic() >= deadline:
            raise CommandFailure(f"timed out after {timeout}: {text}")


def progress(deployment: Mapping[str, Any]) -> tuple[str, bool]:
    """Where an update stands, in kubectl's words, and whether it has ended. CommandFailure if it failed."""
    name = deployment["metadata"]["name"]
    spec, state = deployment["spec"], deployment.get("status") or {}
    if deployment["metadata"].get("generation", 0) > state.get("observedGeneration", 0):
        return "Waiting for deployment spec update to be observed...", False
    for condition in state.get("conditions") or ():
        if condition["type"] == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            raise CommandFailure(f'deployment "{name}" exceeded its progress deadline')
    wanted = spec.get("replicas", 1)
    updated, total = state.get("updatedReplicas", 0), state.get("replicas", 0)
    available = state.get("availableReplicas", 0)
    waiting = f'Waiting for deployment "{name}" rollout to finish: '
    if updated < wanted:
        return f"{waiting}{updated} out of {wanted} new replicas have been updated...", False
    if total > updated:
        return f"{waiting}{total - updated} old replicas are pending termination...", False
    if available < updated:
        return f"{waiting}{available} of {updated} updated replicas are available...", False
    return f'deployment "{name}" successfully rolled out', True


@group.command()
def history(
    what: Name,
    namespace: Namespace = "default",
    revision: Revision = 0,
    output: Output = "",
    root: Root = None,
) -> None:
    """List the revisions that can be rolled back to, or show one."""
    out.check(output, ("", "json", "yaml", "name"))
    session = Session(root)
    kind, _, deployment = _deployment(session, what, namespace)
    found = replica_sets(session, deployment)
    if revision:
        if revision not in found:
            raise CommandFailure(_unknown(kind, deployment, revision, found))
        found = {revision: found[revision]}
    if output == "name":
        print("\n".join(f"replicaset.apps/{item['metadata']['name']}" for _, item in sorted(found.items())))
    elif output:
        items = [item for _, item in sorted(found.items())]
        print(out.document(items[0] if revision else out.listed(items), output))
    elif revision:
        print(f"{out.name(kind, deployment)} with revision #{revision}")
        print("Pod Template:")
        print("\n".join(describe_template(found[revision]["spec"]["template"])))
    else:
        rows = []
        for item in (found[key] for key in sorted(found)):
            cause = (item["metadata"].get("annotations") or {}).get("kubernetes.io/change-cause", "<none>")
            images = ",".join(c["image"] for c in item["spec"]["template"]["spec"]["containers"])
            rows.append([number(item), item["metadata"]["name"], images, cause])
        print(out.columns(("Revision", "ReplicaSet", "Images", "Change-Cause"), rows))


def _unknown(kind: Served, deployment: Mapping[str, Any], revision: int, found: Mapping[int, Any]) -> str:
    there = ", ".join(map(str, sorted(found))) or "none"
    return f"cannot find revision {revision} of {out.name(kind, deployment)}: there are {there}"


def _annotations(deployment: Mapping[str, Any], target: Mapping[str, Any]) -> dict[str, str]:
    """What people wrote comes back with the revision (its change cause); what the machinery wrote stays."""
    kept = {k: v for k, v in (deployment["metadata"].get("annotations") or {}).items() if _machine_made(k)}
    old = target["metadata"].get("annotations") or {}
    return kept | {k: v for k, v in old.items() if not _machine_made(k)}


def _machine_made(annotation: str) -> bool:
    return annotation.startswith(("deployment.kubernetes.io/", "kubectl.kubernetes.io/last-applied"))


@group.command()
def undo(
    what: Name,
    namespace: Namespace = "default",
    to_revision: Annotated[
        int, typer.Option("--to-revision", metavar="N", min=0, help="Which [the one before].", show_default=False)
    ] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be done.")] = False,
    root: Root = None,
) -> None:
    """Go back to an earlier revision.

    \b
    nsorch rollout undo web
    nsorch rollout undo deploy/web --to-revision 2
    """
    session = Session(root)
    kind, url, deployment = _deployment(session, what, namespace)
    name = deployment["metadata"]["name"]
    if deployment["spec"].get("paused"):
        raise CommandFailure(
            f"cannot roll back {kind.label}/{name}: it is paused, `nsorch rollout resume {name}` first"
        )
    found = replica_sets(session, deployment)
    older = sorted(found)[:-1]
    if to_revision and to_revision not in found:
        raise CommandFailure(_unknown(kind, deployment, to_revision, found))
    if not to_revision and not older:
        raise CommandFailure(f"cannot roll back {kind.label}/{name}: there is no revision before this one")
    revision = to_revision or older[-1]
    if revision == number(deployment):
        print(f"{kind.label}/{name} skipped rollback (it is at revision {revision})")
        return
    target = found[revision]
    template = target["spec"]["template"]
    (template["metadata"].get("labels") or {}).pop("pod-template-hash", None)
    patch = [
        {"op": "replace", "path": "/spec/template", "value": template},
        {"op": "add", "path": "/metadata/annotations", "value": _annotations(deployment, target)},
    ]
    query = {"dryRun": "All" if dry_run else ""}
    session.connection.call("PATCH", url, query=query, body=patch, content_type="application/json-patch+json")
    print(f"{kind.label}/{name} rolled back to revision {revision}{' (dry run)' if dry_run else ''}")


def _change(what: list[str], namespace: str, root: Any, patch: Mapping[str, Any], done: str) -> None:
    session = Session(root)
    kind, url, deployment = _deployment(session, what, namespace)
    name, paused = out.name(kind, deployment), bool(deployment["spec"].get("paused"))
    if done == "paused" and paused:
        raise CommandFailure(f"cannot pause {name}: it is paused already")
    if done == "resumed" and not paused:
        raise CommandFailure(f"cannot resume {name}: it is not paused")
    if done == "restarted" and paused:
        raise CommandFailure(f"cannot restart {name}: it is paused, `nsorch rollout resume {name}` first")
    session.connection.call("PATCH", url, body=patch, content_type="application/merge-patch+json")
    print(f"{name} {done}")


@group.command()
def pause(what: Name, namespace: Namespace = "default", root: Root = None) -> None:
    """Hold back updates until `resume`."""
    _change(what, namespace, root, {"spec": {"paused": True}}, "paused")


@group.command()
def resume(what: Name, namespace: Namespace = "default", root: Root = None) -> None:
    """Let held-back updates go."""
    _change(what, namespace, root, {"spec": {"paused": None}}, "resumed")


@group.command()
def restart(what: Name, namespace: Namespace = "default", root: Root = None) -> None:
    """Replace all Pods, a few at a time."""
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    annotations = {"kubectl.kubernetes.io/restartedAt": stamp}
    _change(what, namespace, root, {"spec": {"template": {"metadata": {"annotations": annotations}}}}, "restarted")
