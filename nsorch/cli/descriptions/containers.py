"""Containers and volumes, of a Pod or of a Pod template."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from nsorch.cli.descriptions.text import NONE, Object, field, pairs, several, since

GROUPS = (
    ("initContainers", "Init Containers", "initContainerStatuses"),
    ("containers", "Containers", "containerStatuses"),
    ("ephemeralContainers", "Ephemeral Containers", "ephemeralContainerStatuses"),
)


def template(obj: Object) -> Iterator[str]:
    """A Pod template, below its title."""
    meta, spec = obj.get("metadata") or {}, obj["spec"]
    yield from several("Labels", pairs(meta.get("labels")), depth=1)
    if meta.get("annotations"):
        yield from several("Annotations", pairs(meta["annotations"], ": "), depth=1)
    account = spec.get("serviceAccountName")
    if account and account != "default":
        yield field("Service Account", account, depth=1)
    for line in (*containers(spec, {}), *volumes(spec)):
        yield "  " + line
    yield from placement(spec, depth=1)


def containers(spec: Object, status: Object) -> Iterator[str]:
    """Every container with what it is told and, in a Pod, how it is."""
    for group, title, states in GROUPS:
        if spec.get(group):
            yield f"{title}:"
            known = {item["name"]: item for item in status.get(states) or ()}
            for item in spec[group]:
                yield f"  {item['name']}:"
                yield from _container(item, known.get(item["name"]))


def _container(item: Object, status: Object | None) -> Iterator[str]:
    def line(title: str, value: Any) -> str:
        return field(title, value, depth=2, width=20)

    yield line("Image", item.get("image"))
    if status and status.get("containerID"):
        yield line("Container ID", status["containerID"])
        yield line("Image ID", status.get("imageID"))
    if item.get("ports"):
        yield line("Ports", ", ".join(_port(port) for port in item["ports"]))
    if item.get("command"):
        yield line("Command", shlex.join(item["command"]))
    if item.get("args"):
        yield line("Args", shlex.join(item["args"]))
    if item.get("workingDir"):
        yield line("Working Dir", item["workingDir"])
    if item.get("restartPolicy"):
        yield line("Restart Policy", item["restartPolicy"])
    if status:
        yield from _states(status)
    for title, key in (("Requests", "requests"), ("Limits", "limits")):
        if (item.get("resources") or {}).get(key):
            yield line(title, ", ".join(pairs(item["resources"][key], " ")))
    for title, key in (("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe")):
        if item.get(key):
            yield line(title, probe(item[key]))
    for title, key in (("Post Start", "postStart"), ("Pre Stop", "preStop")):
        if (item.get("lifecycle") or {}).get(key):
            yield line(title, action(item["lifecycle"][key]))
    for source in item.get("envFrom") or ():
        yield line("Env From", _env_from(source))
    yield from several("Environment", [_env(entry) for entry in item.get("env") or ()], depth=2, width=20)
    mounts = [_mount(entry) for entry in item.get("volumeMounts") or ()]
    yield from several("Mounts", mounts, depth=2, width=20)


def _states(status: Object) -> Iterator[str]:
    yield from _state("State", status.get("state") or {})
    if status.get("lastState"):
        yield from _state("Last State", status["lastState"])
    yield field("Ready", status.get("ready"), depth=2, width=20)
    yield field("Restart Count", str(status.get("restartCount", 0)), depth=2, width=20)


def _state(title: str, state: Object) -> Iterator[str]:
    for key, detail in state.items():
        if detail is None:
            continue
        said = key.capitalize()
        if detail.get("reason"):
            said += f": {detail['reason']}"
        if key == "running":
            said += f" since {since(detail.get('startedAt'))}"
        if key == "terminated":
            said += f", signal {detail['signal']}" if detail.get("signal") else f", exit code {detail.get('exitCode')}"
            said += f", {since(detail.get('finishedAt'))}" if detail.get("finishedAt") else ""
        yield field(title, said, depth=2, width=20)
        if detail.get("message"):
            yield from several("Message", detail["message"].strip().splitlines(), depth=2, width=20)


def _port(port: Object) -> str:
    name = f" ({port['name']})" if port.get("name") else ""
    host = f" on host port {port['hostPort']}" if port.get("hostPort") else ""
    return f"{port['containerPort']}/{port.get('protocol', 'TCP')}{name}{host}"


def probe(item: Object) -> str:
    """``http-get http://:80/ delay=0s timeout=1s period=10s #success=1 #failure=3``."""
    return (
        f"{action(item)} delay={item.get('initialDelaySeconds', 0)}s timeout={item.get('timeoutSeconds', 1)}s "
        f"period={item.get('periodSeconds', 10)}s #success={item.get('successThreshold', 1)} "
        f"#failure={item.get('failureThreshold', 3)}"
    )


def action(item: Object) -> str:
    """What a probe or a hook does."""
    if item.get("exec"):
        return "exec " + shlex.join(item["exec"].get("command") or ())
    if item.get("httpGet"):
        get = item["httpGet"]
        return (
            f"http-get {get.get('scheme', 'HTTP').lower()}://{get.get('host', '')}:{get['port']}{get.get('path', '/')}"
        )
    if item.get("tcpSocket"):
        return f"tcp-socket {item['tcpSocket'].get('host', '')}:{item['tcpSocket']['port']}"
    if item.get("grpc"):
        return f"grpc :{item['grpc']['port']} {item['grpc'].get('service') or ''}".rstrip()
    if item.get("sleep"):
        return f"sleep {item['sleep']['seconds']}s"
    return NONE


def _env(entry: Object) -> str:
    source = entry.get("valueFrom") or {}
    for kind, title in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
        if source.get(kind):
            optional = ", optional" if source[kind].get("optional") else ""
            return f"{entry['name']} = key {source[kind]['key']} of {title} {source[kind]['name']}{optional}"
    if source.get("fieldRef"):
        return f"{entry['name']} = field {source['fieldRef']['fieldPath']}"
    if source.get("resourceFieldRef"):
        return f"{entry['name']} = {source['resourceFieldRef']['resource']}"
    return f"{entry['name']}={entry.get('value') or ''}"


def _env_from(source: Object) -> str:
    for kind, title in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
        if source.get(kind):
            optional = ", optional" if source[kind].get("optional") else ""
            prefix = f", each as {source['prefix']}*" if source.get("prefix") else ""
            return f"{title} {source[kind]['name']}{optional}{prefix}"
    return NONE


def _mount(entry: Object) -> str:
    sub = entry.get("subPath") or entry.get("subPathExpr")
    path = f" path {sub}" if sub else ""
    return f"{entry['mountPath']} from {entry['name']}{path} ({'ro' if entry.get('readOnly') else 'rw'})"


def volumes(spec: Object) -> Iterator[str]:
    """One line for each volume."""
    if not spec.get("volumes"):
        return
    yield "Volumes:"
    for item in spec["volumes"]:
        kind, detail = next(((k, v) for k, v in item.items() if k != "name"), ("", {}))
        yield field(item["name"], f"{kind[:1].upper()}{kind[1:]} {_volume(detail)}".strip(), depth=1, width=20)


def _volume(detail: Mapping[str, Any]) -> str:
    for key in ("name", "secretName", "claimName", "path"):
        if detail.get(key):
            kind = f" ({detail['type']})" if detail.get("type") else ""
            return f"{detail[key]}{kind}{', optional' if detail.get('optional') else ''}"
    parts = [detail["medium"]] if detail.get("medium") else []
    parts += [f"at most {detail['sizeLimit']}"] if detail.get("sizeLimit") else []
    for source in detail.get("sources") or ():
        for kind, inner in source.items():
            parts.append(f"{kind} {inner.get('name', '')}".strip())
    return ", ".join(parts)


def placement(spec: Object, *, depth: int = 0) -> Iterator[str]:
    """Node selector and tolerations, if there are any."""
    if spec.get("nodeSelector"):
        yield from several("Node Selector", pairs(spec["nodeSelector"]), depth=depth)
    if spec.get("tolerations"):
        yield from several("Tolerations", [toleration(item) for item in spec["tolerations"]], depth=depth)


def toleration(item: Object) -> str:
    """``key=value:NoExecute for 300s``."""
    text = item.get("key", "")
    if item.get("operator") == "Exists":
        text += " op=Exists"
    elif item.get("value"):
        text += f"={item['value']}"
    text = f"{text}:{item['effect']}" if item.get("effect") else text
    return f"{text} for {item['tolerationSeconds']}s" if item.get("tolerationSeconds") is not None else text.strip()
