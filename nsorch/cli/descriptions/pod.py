"""A Pod in words."""

from __future__ import annotations

from collections.abc import Iterator

from nsorch.cli.descriptions import containers
from nsorch.cli.descriptions.text import Object, conditions, field, head
from nsorch.cli.options import Session


def lines(_: Session, pod: Object) -> Iterator[str]:
    spec, status = pod["spec"], pod.get("status") or {}
    yield from head(pod)
    phase = "Terminating" if pod["metadata"].get("deletionTimestamp") else status.get("phase", "Pending")
    yield field("Status", phase)
    if status.get("reason"):
        yield field("Reason", status["reason"])
    if status.get("message"):
        yield field("Message", status["message"])
    yield field("IP", ", ".join(item["ip"] for item in status.get("podIPs") or ()) or status.get("podIP"))
    node = spec.get("nodeName")
    yield field("Node", f"{node}/{status['hostIP']}" if node and status.get("hostIP") else node)
    yield field("Service Account", spec.get("serviceAccountName"))
    yield field("Restart Policy", spec.get("restartPolicy"))
    yield field("QoS Class", status.get("qosClass"))
    shared = [name for name in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace") if spec.get(name)]
    if shared:
        yield field("Shares", ", ".join(shared))
    yield from containers.containers(spec, status)
    yield from containers.volumes(spec)
    yield from containers.placement(spec)
    yield from conditions(pod)
