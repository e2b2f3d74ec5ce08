"""``nsorch rollout``: follow and steer the updates of a Deployment."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from nsorch.cli import output as out
from nsorch.cli.failure import CommandFailure
from nsorch.cli.kinds import Served
from nsorch.cli.names import resolve
from nsorch.cli.options import Namespace, Root, Session

REVISION = "deployment.kubernetes.io/revision"
Name = Annotated[list[str], typer.Argument(metavar="deployment NAME | deployment/NAME")]
group = typer.Typer(no_args_is_help=True, help="Follow and steer the updates of a Deployment.")


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="rollout")


def _deployment(session: Session, what: list[str], namespace: str) -> tuple[Served, str, dict[str, Any]]:
    targets = resolve(session.kinds, what if len(what) > 1 or "/" in what[0] else ["deployment", what[0]])
    kind, name = targets[0]
    if len(targets) != 1 or kind.plural != "deployments":
        raise CommandFailure(f"cannot roll {' '.join(what)}: name one Deployment", 2)
    url = kind.url(namespace, name)
    return kind, url, session.connection.call("GET", url)


@group.command()
def status(
    what: Name,
    namespace: Namespace = "default",
    watch: Annotated[bool, typer.Option("--watch/--no-watch", help="Wait for the end.")] = True,
    timeout: Annotated[int, typer.Option("--timeout", metavar="SECONDS", help="0: as long as it takes.")] = 0,
    root: Root = None,
) -> None:
    """Tell how far the newest update is, and wait for its end."""
    session = Session(root)
    kind, _, deployment = _deployment(session, what, namespace)
    name = deployment["metadata"]["name"]
    deadline = time.monotonic() + timeout if timeout else None
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
            before = text
            text, done = progress(deployment)
            if text != before:
                print(text, flush=True)
            if done:
                return
        if deadline and time.monotonic() >= deadline:
            raise CommandFailure(f"timed out after {timeout} s: {text}")


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


def _revisions(session: Session, deployment: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    replica_sets = session.kinds.find("replicasets.apps")
    answer = session.connection.call("GET", replica_sets.url(deployment["metadata"]["namespace"]))
    uid = deployment["metadata"]["uid"]
    found = {}
    for item in answer["items"]:
        owners = item["metadata"].get("ownerReferences") or ()
        if any(owner["uid"] == uid and owner.get("controller") for owner in owners):
            found[int((item["metadata"].get("annotations") or {}).get(REVISION, 0))] = item
    return found


@group.command()
def history(
    what: Name,
    namespace: Namespace = "default",
    revision: Annotated[int, typer.Option("--revision", metavar="N", help="Show this one's Pod template.")] = 0,
    root: Root = None,
) -> None:
    """List the revisions that can be rolled back to."""
    session = Session(root)
    _, _, deployment = _deployment(session, what, namespace)
    found = _revisions(session, deployment)
    if revision:
        if revision not in found:
            raise CommandFailure(f"cannot find revision {revision}: there are {sorted(found)}")
        print(out.document(found[revision]["spec"]["template"], "yaml"))
        return
    rows = []
    for number in sorted(found):
        item = found[number]
        cause = (item["metadata"].get("annotations") or {}).get("kubernetes.io/change-cause", "<none>")
        images = ",".join(c["image"] for c in item["spec"]["template"]["spec"]["containers"])
        rows.append([number, item["metadata"]["name"], images, cause])
    print(out.columns(("Revision", "ReplicaSet", "Images", "Change-Cause"), rows))


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
    to_revision: Annotated[int, typer.Option("--to-revision", metavar="N", help="0: the one before.")] = 0,
    root: Root = None,
) -> None:
    """Go back to an earlier revision."""
    session = Session(root)
    kind, url, deployment = _deployment(session, what, namespace)
    name = deployment["metadata"]["name"]
    if deployment["spec"].get("paused"):
        raise CommandFailure(
            f"cannot roll back {kind.label}/{name}: it is paused, `nsorch rollout resume {name}` first"
        )
    found = _revisions(session, deployment)
    older = sorted(found)[:-1]
    if to_revision and to_revision not in found:
        raise CommandFailure(f"cannot find revision {to_revision} of {kind.label}/{name}: there are {sorted(found)}")
    if not to_revision and not older:
        raise CommandFailure(f"no rollout history found for {kind.label}/{name}: there is only one revision")
    target = found[to_revision or older[-1]]
    template = target["spec"]["template"]
    (template["metadata"].get("labels") or {}).pop("pod-template-hash", None)
    patch = [
        {"op": "replace", "path": "/spec/template", "value": template},
        {"op": "add", "path": "/metadata/annotations", "value": _annotations(deployment, target)},
    ]
    session.connection.call("PATCH", url, body=patch, content_type="application/json-patch+json")
    print(f"{kind.label}/{name} rolled back")


def _patch(what: list[str], namespace: str, root: Any, patch: Mapping[str, Any], done: str) -> None:
    session = Session(root)
    kind, url, deployment = _deployment(session, what, namespace)
    session.connection.call("PATCH", url, body=patch, content_type="application/merge-patch+json")
    print(f"{kind.label}/{deployment['metadata']['name']} {done}")


@group.command()
def pause(what: Name, namespace: Namespace = "default", root: Root = None) -> None:
    """Hold back updates until `resume`."""
    _patch(what, namespace, root, {"spec": {"paused": True}}, "paused")


@group.command()
def resume(what: Name, namespace: Namespace = "default", root: Root = None) -> None:
    """Let held-back updates go."""
    _patch(what, namespace, root, {"spec": {"paused": None}}, "resumed")


@group.command()
def restart(what: Name, namespace: Namespace = "default", root: Root = None) -> None:
    """Replace all Pods, a few at a time."""
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    annotations = {"kubectl.kubernetes.io/restartedAt": stamp}
    _patch(what, namespace, root, {"spec": {"template": {"metadata": {"annotations": annotations}}}}, "restarted")
