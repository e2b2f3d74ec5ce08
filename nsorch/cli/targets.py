"""What is meant by ``web-1``, ``pod/web-1``, ``deploy/web`` or ``svc/web`` where a Pod is wanted, and which container."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from nsorch.cli.failure import CommandFailure
from nsorch.cli.options import Session

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
GROUPS = (("containers", ""), ("initContainers", " (init)"), ("ephemeralContainers", " (ephem)"))
Object = dict[str, Any]


def pods(session: Session, typed: str, namespace: str) -> list[Object]:
    """The Pods of ``POD`` or ``KIND/NAME``, the one to prefer first."""
    kind_typed, slash, name = typed.rpartition("/")
    kind = session.kinds.find(kind_typed if slash else "pods")
    if not name or "/" in kind_typed:
        raise CommandFailure(f'cannot read "{typed}": write POD or KIND/NAME', 2)
    found: Object = session.connection.call("GET", kind.url(namespace, name))
    if kind.plural == "pods":
        return [found]
    selector = selector_text(found)
    if not selector:
        raise CommandFailure(f"cannot find Pods of {kind.label}/{name}: it selects none")
    matching = selected(session, selector, namespace)
    if not matching:
        raise CommandFailure(f"cannot find a Pod of {kind.label}/{name}: none matches {selector}")
    return matching


def selected(session: Session, selector: str, namespace: str) -> list[Object]:
    """The Pods with these labels, the one to prefer first."""
    url = session.kinds.find("pods").url(namespace)
    return sorted(session.connection.call("GET", url, query={"labelSelector": selector})["items"], key=_preference)


def one(session: Session, typed: str, namespace: str) -> Object:
    """The one Pod to use; said on standard error if there was a choice."""
    found = pods(session, typed, namespace)
    if len(found) > 1:
        print(f"Found {len(found)} pods, using pod/{found[0]['metadata']['name']}", file=sys.stderr)
    return found[0]


def selector_text(obj: Mapping[str, Any]) -> str:
    """A workload's or Service's selector as one writes it after ``-l``."""
    selector = (obj.get("spec") or {}).get("selector") or {}
    labels = (
        selector.get("matchLabels") or {} if "matchLabels" in selector or "matchExpressions" in selector else selector
    )
    parts = [f"{key}={value}" for key, value in labels.items()]
    for item in selector.get("matchExpressions") or ():
        key, values = item["key"], ",".join(item.get("values") or ())
        written = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": key}
        parts.append(written.get(item["operator"], f"!{key}"))
    return ",".join(parts)


def containers(pod: Mapping[str, Any]) -> list[str]:
    """Names of all containers in the order of their logs: init containers first."""
    spec = pod["spec"]
    return [
        item["name"]
        for group in ("initContainers", "containers", "ephemeralContainers")
        for item in spec.get(group) or ()
    ]


def container(pod: Mapping[str, Any], wanted: str) -> str:
    """``wanted`` if the Pod has it, else the default; said on standard error if there was a choice."""
    name = pod["metadata"]["name"]
    every = containers(pod)
    if wanted:
        if wanted not in every:
            raise CommandFailure(f'there is no container "{wanted}" in pod/{name}, it has: {described(pod)}')
        return wanted
    marked = (pod["metadata"].get("annotations") or {}).get(DEFAULT_CONTAINER)
    if marked:
        if marked in every:
            return str(marked)
        print(
            f'Warning: annotation {DEFAULT_CONTAINER} of pod/{name} names "{marked}", which it has not', file=sys.stderr
        )
    first: str = pod["spec"]["containers"][0]["name"]
    if len(every) > 1:
        print(f'Defaulted container "{first}" out of: {described(pod)}', file=sys.stderr)
    return first


def described(pod: Mapping[str, Any]) -> str:
    """``main, side, setup (init)``."""
    return ", ".join(item["name"] + mark for group, mark in GROUPS for item in pod["spec"].get(group) or ())


def _preference(pod: Object) -> tuple[bool, bool, bool, str, str]:
    """Ready before running before the rest; not going away; the longest running first."""
    status, meta = pod.get("status") or {}, pod["metadata"]
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or ())
    return (
        "deletionTimestamp" in meta,
        status.get("phase") != "Running",
        not ready,
        meta.get("creationTimestamp", ""),
        meta["name"],
    )
