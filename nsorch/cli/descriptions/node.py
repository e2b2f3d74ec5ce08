"""A Node in words, with the Pods on it."""

from __future__ import annotations

from collections.abc import Iterator

from nsorch.cli import output as out
from nsorch.cli.descriptions.text import Object, conditions, field, head, indented, since
from nsorch.cli.options import Session
from nsorch.cli.targets import containers


def lines(session: Session, obj: Object) -> Iterator[str]:
    spec, status = obj["spec"], obj.get("status") or {}
    yield from head(obj)
    taints = [f"{t['key']}={t.get('value') or ''}:{t['effect']}" for t in spec.get("taints") or ()]
    yield field("Taints", ", ".join(taints))
    yield field("Unschedulable", str(bool(spec.get("unschedulable"))).lower())
    for item in status.get("addresses") or ():
        yield field(item["type"], item["address"])
    yield field("Pod CIDR", spec.get("podCIDR"))
    capacity, allocatable = status.get("capacity") or {}, status.get("allocatable") or {}
    yield "Resources:"
    rows = [[name, capacity[name], allocatable.get(name, "")] for name in sorted(capacity)]
    yield from indented(out.columns(("Name", "Capacity", "Allocatable"), rows))
    info = status.get("nodeInfo") or {}
    for title, key in (
        ("OS", "osImage"),
        ("Kernel", "kernelVersion"),
        ("Architecture", "architecture"),
        ("Runtime", "containerRuntimeVersion"),
        ("Version", "kubeletVersion"),
        ("Machine ID", "machineID"),
        ("Boot ID", "bootID"),
    ):
        yield field(title, info.get(key))
    yield field("Images", len(status.get("images") or ()))
    yield from conditions(obj)
    yield from _pods(session, obj["metadata"]["name"])


def _pods(session: Session, node: str) -> Iterator[str]:
    query = {"fieldSelector": f"spec.nodeName={node},status.phase!=Failed,status.phase!=Succeeded"}
    items = session.connection.call("GET", session.kinds.find("pods").url(None), query=query)["items"]
    yield f"Pods: ({len(items)})" if items else field("Pods", "")
    rows = []
    for pod in items:
        meta, status = pod["metadata"], pod.get("status") or {}
        requests = [
            ", ".join(f"{k} {v}" for k, v in ((c.get("resources") or {}).get("requests") or {}).items())
            for c in pod["spec"]["containers"]
        ]
        rows.append(
            [
                meta["namespace"],
                meta["name"],
                status.get("phase", ""),
                len(containers(pod)),
                "; ".join(filter(None, requests)) or "-",
                since(meta.get("creationTimestamp")).rpartition("(")[2].removesuffix(" ago)"),
            ]
        )
    if rows:
        yield from indented(out.columns(("Namespace", "Name", "Status", "Containers", "Requests", "Age"), rows))
