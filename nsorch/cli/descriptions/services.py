"""Services in words, with the addresses behind them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nsorch.cli.descriptions.text import Object, field, head, pairs
from nsorch.cli.options import Session


def lines(session: Session, obj: Object) -> Iterator[str]:
    spec = obj["spec"]
    yield from head(obj)
    yield field("Selector", ",".join(pairs(spec.get("selector"))))
    yield field("Type", spec.get("type"))
    yield field("IP", ", ".join(spec.get("clusterIPs") or ()) or spec.get("clusterIP"))
    if spec.get("externalName"):
        yield field("External Name", spec["externalName"])
    if spec.get("externalIPs"):
        yield field("External IPs", ", ".join(spec["externalIPs"]))
    slices = _slices(session, obj)
    for port in spec.get("ports") or ():
        name = port.get("name") or ""
        target = port.get("targetPort", port["port"])
        node = f", node port {port['nodePort']}" if port.get("nodePort") else ""
        yield field(
            "Port", f"{name + ' ' if name else ''}{port['port']}/{port.get('protocol', 'TCP')} to {target}{node}"
        )
        ready, waiting = _addresses(slices, name)
        yield field("Endpoints", ", ".join(ready))
        if waiting:
            yield field("Not Ready", ", ".join(waiting))
    affinity = spec.get("sessionAffinity")
    seconds = ((spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}).get("timeoutSeconds")
    if affinity and affinity != "None":
        yield field("Session Affinity", f"{affinity}, {seconds}s" if seconds else affinity)
    for title, key in (("External Traffic", "externalTrafficPolicy"), ("Internal Traffic", "internalTrafficPolicy")):
        if spec.get(key) and spec[key] != "Cluster":
            yield field(title, spec[key])


def _slices(session: Session, service: Object) -> list[Any]:
    meta = service["metadata"]
    url = session.kinds.find("endpointslices").url(meta["namespace"])
    query = {"labelSelector": f"kubernetes.io/service-name={meta['name']}"}
    items: list[Any] = session.connection.call("GET", url, query=query)["items"]
    return items


def _addresses(slices: list[Any], port_name: str) -> tuple[list[str], list[str]]:
    """``address:port`` of what is ready and of what is not."""
    ready: list[str] = []
    waiting: list[str] = []
    for item in slices:
        numbers = [port.get("port") for port in item.get("ports") or () if (port.get("name") or "") == port_name]
        for endpoint in item.get("endpoints") or ():
            fits = (endpoint.get("conditions") or {}).get("ready") is not False
            for number in numbers:
                (ready if fits else waiting).extend(f"{address}:{number}" for address in endpoint["addresses"])
    return sorted(ready), sorted(waiting)
