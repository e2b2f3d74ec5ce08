"""Validation of the containers of a Pod: names, ports, environment, mounts, probes, resources."""

from __future__ import annotations

from collections.abc import Collection

from nsorch.resources import checks, names
from nsorch.resources.container import Container, ContainerPort, EnvVar, EphemeralContainer, ResourceRequirements
from nsorch.resources.probe import HTTPGetAction, Lifecycle, LifecycleHandler, Probe, TCPSocketAction
from nsorch.resources.quantity import compare, parse
from nsorch.resources.registry import Cause

PROTOCOLS = ("SCTP", "TCP", "UDP")
PULL_POLICIES = ("Always", "IfNotPresent", "Never")
FIELD_PATHS = (
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
CONTAINER_RESOURCES = tuple(
    f"{side}.{name}" for side in ("limits", "requests") for name in ("cpu", "ephemeral-storage", "memory")
)
ORDINARY_RESOURCES = ("cpu", "memory", "ephemeral-storage")


def validate_container(
    container: Container | EphemeralContainer,
    field: str,
    volumes: Collection[str],
    *,
    grace_seconds: int = 30,
    init: bool = False,
) -> list[Cause]:
    """Everything wrong with one container. ``volumes``: names of the Pod's volumes; ``init``: runs to completion
    before the Pod's containers (unless its own restartPolicy is Always)."""
    causes: list[Cause] = []
    if not container.name:
        causes.append(checks.required(f"{field}.name"))
    else:
        causes += checks.invalid_each(f"{field}.name", container.name, names.dns_label(container.name))
    image = container.image or ""
    if not image:
        causes.append(checks.required(f"{field}.image"))
    elif image != image.strip():
        causes.append(checks.invalid(f"{field}.image", image, "must not have leading or trailing whitespace"))
    causes += checks.one_of(f"{field}.imagePullPolicy", container.imagePullPolicy, PULL_POLICIES)
    causes += checks.one_of(
        f"{field}.terminationMessagePolicy",
        container.terminationMessagePolicy,
        ("FallbackToLogsOnError", "File"),
    )
    causes += _ports(container.ports or [], f"{field}.ports")
    causes += _environment(container, field)
    causes += _mounts(container, field, volumes)
    causes += validate_resources(container.resources, f"{field}.resources")
    restartable = not init or container.restartPolicy == "Always"
    causes += _lifecycle(container.lifecycle, f"{field}.lifecycle", restartable, grace_seconds)
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe: Probe | None = getattr(container, name)
        if probe is None:
            continue
        if not restartable:
            causes.append(
                checks.forbidden(f"{field}.{name}", "may not be set for init containers without restartPolicy=Always")
            )
            continue
        causes += _probe(probe, f"{field}.{name}")
        if name != "readinessProbe" and probe.successThreshold not in (None, 1):
            causes.append(checks.invalid(f"{field}.{name}.successThreshold", probe.successThreshold, "must be 1"))
        if name == "readinessProbe" and probe.terminationGracePeriodSeconds is not None:
            causes.append(
                checks.invalid(
                    f"{field}.{name}.terminationGracePeriodSeconds",
                    probe.terminationGracePeriodSeconds,
                    "must not be set for readinessProbes",
                )
            )
    return causes


def validate_resources(resources: ResourceRequirements | None, field: str) -> list[Cause]:
    """Amounts are not negative, names are known or qualified, requests do not exceed limits."""
    if resources is None:
        return []
    causes: list[Cause] = []
    limits, requests = resources.limits or {}, resources.requests or {}
    for side, amounts in (("limits", limits), ("requests", requests)):
        for name, amount in amounts.items():
            path = f"{field}.{side}"
            causes += checks.invalid_each(path, name, names.qualified_name(name))
            if "/" not in name and name not in ORDINARY_RESOURCES and not name.startswith("hugepages-"):
                causes.append(checks.invalid(path, name, "must be a standard resource for containers"))
            if parse(amount).value < 0:
                causes.append(checks.invalid(f"{path}[{name}]", amount, "must be greater than or equal to 0"))
    for name, amount in requests.items():
        if name in limits and compare(amount, limits[name]) > 0:
            causes.append(
                checks.invalid(
                    f"{field}.requests", amount, f"must be less than or equal to {name} limit of {limits[name]}"
                )
            )
    return causes


def _ports(ports: list[ContainerPort], field: str) -> list[Cause]:
    causes: list[Cause] = []
    seen: set[str] = set()
    for index, port in enumerate(ports):
        path = f"{field}[{index}]"
        if port.name:
            wrong = names.port_name(port.name)
            causes += checks.invalid_each(f"{path}.name", port.name, wrong)
            if not wrong and port.name in seen:
                causes.append(checks.duplicate(f"{path}.name", port.name))
            seen.add(port.name)
        if port.containerPort == 0:
            causes.append(checks.required(f"{path}.containerPort"))
        else:
            causes += checks.invalid_each(
                f"{path}.containerPort", port.containerPort, names.port_number(port.containerPort)
            )
        if port.hostPort:
            causes += checks.invalid_each(f"{path}.hostPort", port.hostPort, names.port_number(port.hostPort))
        if not port.protocol:
            causes.append(checks.required(f"{path}.protocol"))
        else:
            causes += checks.one_of(f"{path}.protocol", port.protocol, PROTOCOLS)
    return causes


def _environment(container: Container | EphemeralContainer, field: str) -> list[Cause]:
    causes: list[Cause] = []
    for index, variable in enumerate(container.env or ()):
        path = f"{field}.env[{index}]"
        if not variable.name:
            causes.append(checks.required(f"{path}.name"))
        else:
            causes += checks.invalid_each(f"{path}.name", variable.name, names.env_name(variable.name))
        causes += _value_from(variable, f"{path}.valueFrom")
    for index, source in enumerate(container.envFrom or ()):
        path = f"{field}.envFrom[{index}]"
        if source.prefix:
            causes += checks.invalid_each(f"{path}.prefix", source.prefix, names.env_name(source.prefix))
        chosen = [name for name in ("configMapRef", "secretRef") if getattr(source, name) is not None]
        if not chosen:
            causes.append(checks.invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"))
        elif len(chosen) > 1:
            causes.append(checks.invalid(path, "", "may not have more than one field specified at a time"))
        for name in chosen:
            target = getattr(source, name).name
            if not target:
                causes.append(checks.required(f"{path}.{name}.name"))
            else:
                causes += checks.invalid_each(f"{path}.{name}.name", target, names.dns_subdomain(target))
    return causes


def _value_from(variable: EnvVar, field: str) -> list[Cause]:
    source = variable.valueFrom
    if source is None:
        return []
    causes: list[Cause] = []
    chosen = [name for name in type(source).model_fields if getattr(source, name) is not None]
    if not chosen:
        causes.append(
            checks.invalid(
                field,
                "",
                "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`",
            )
        )
    elif variable.value:
        causes.append(checks.invalid(field, "", "may not be specified when `value` is not empty"))
    elif len(chosen) > 1:
        causes.append(checks.invalid(field, "", "may not have more than one field specified at a time"))
    if source.fieldRef is not None:
        causes += field_path(source.fieldRef.fieldPath, f"{field}.fieldRef.fieldPath", FIELD_PATHS)
    if source.resourceFieldRef is not None and source.resourceFieldRef.resource not in CONTAINER_RESOURCES:
        resource = source.resourceFieldRef.resource
        if not resource:
            causes.append(checks.required(f"{field}.resourceFieldRef.resource"))
        elif ".hugepages-" not in resource:
            causes.append(checks.unsupported(f"{field}.resourceFieldRef.resource", resource, CONTAINER_RESOURCES))
    for name in ("configMapKeyRef", "secretKeyRef"):
        reference = getattr(source, name)
        if reference is None:
            continue
        if not reference.name:
            causes.append(checks.required(f"{field}.{name}.name"))
        if not reference.key:
            causes.append(checks.required(f"{field}.{name}.key"))
        else:
            causes += checks.invalid_each(f"{field}.{name}.key", reference.key, names.config_key(reference.key))
    return causes


def field_path(path: str, field: str, supported: Collection[str]) -> list[Cause]:
    """A downward API path: one of ``supported``, or one label or annotation with ``['KEY']``."""
    if not path:
        return [checks.required(field)]
    base, bracket, rest = path.partition("['")
    if bracket:
        key = rest.removesuffix("']")
        if base not in ("metadata.annotations", "metadata.labels"):
            return [
                checks.invalid(
                    field, path, f'error converting fieldPath: field label does not support subscript: "{path}"'
                )
            ]
        return checks.invalid_each(field, path, names.qualified_name(key.lower() if "annot" in base else key))
    allowed = [one for one in supported if one not in ("metadata.annotations", "metadata.labels")]
    if path not in supported:
        return [checks.unsupported(field, path, allowed)]
    return []


def _mounts(container: Container | EphemeralContainer, field: str, volumes: Collection[str]) -> list[Cause]:
    causes: list[Cause] = []
    seen: set[str] = set()
    for index, mount in enumerate(container.volumeMounts or ()):
        path = f"{field}.volumeMounts[{index}]"
        if not mount.name:
            causes.append(checks.required(f"{path}.name"))
        elif mount.name not in volumes:
            causes.append(checks.not_found(f"{path}.name", mount.name))
        if not mount.mountPath:
            causes.append(checks.required(f"{path}.mountPath"))
        elif mount.mountPath in seen:
            causes.append(checks.invalid(f"{path}.mountPath", mount.mountPath, "must be unique"))
        seen.add(mount.mountPath)
        if mount.subPath and mount.subPathExpr:
            causes.append(
                checks.invalid(
                    f"{path}.subPathExpr", mount.subPathExpr, "subPathExpr and subPath are mutually exclusive"
                )
            )
        for name in ("subPath", "subPathExpr"):
            causes += local_path(getattr(mount, name), f"{path}.{name}")
        causes += checks.one_of(
            f"{path}.mountPropagation", mount.mountPropagation, ("Bidirectional", "HostToContainer", "None")
        )
        if mount.recursiveReadOnly not in (None, "Disabled", "IfPossible", "Enabled"):
            causes.append(
                checks.unsupported(
                    f"{path}.recursiveReadOnly", mount.recursiveReadOnly, ("Disabled", "Enabled", "IfPossible")
                )
            )
        elif mount.recursiveReadOnly in ("IfPossible", "Enabled") and not mount.readOnly:
            causes.append(checks.forbidden(f"{path}.recursiveReadOnly", "may only be specified when readOnly is true"))
    for index, device in enumerate(container.volumeDevices or ()):
        path = f"{field}.volumeDevices[{index}]"
        if device.name not in volumes:
            causes.append(checks.not_found(f"{path}.name", device.name))
        if device.devicePath in seen:
            causes.append(checks.invalid(f"{path}.devicePath", device.devicePath, "must be unique"))
        seen.add(device.devicePath)
    return causes


def local_path(path: str | None, field: str) -> list[Cause]:
    """A relative path that does not climb out with ``..``."""
    if not path:
        return []
    if path.startswith("/"):
        return [checks.invalid(field, path, "must be a relative path")]
    if ".." in path.split("/"):
        return [checks.invalid(field, path, "must not contain '..'")]
    return []


def _probe(probe: Probe, field: str) -> list[Cause]:
    causes = _handler(probe, field, ("exec", "grpc", "httpGet", "tcpSocket"))
    for name in (
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
    ):
        causes += checks.not_negative(f"{field}.{name}", getattr(probe, name))
    grace = probe.terminationGracePeriodSeconds
    if grace is not None and grace <= 0:
        causes.append(checks.invalid(f"{field}.terminationGracePeriodSeconds", grace, "must be greater than 0"))
    return causes


def _lifecycle(lifecycle: Lifecycle | None, field: str, restartable: bool, grace_seconds: int) -> list[Cause]:
    if lifecycle is None:
        return []
    if not restartable:
        return [checks.forbidden(field, "may not be set for init containers without restartPolicy=Always")]
    causes: list[Cause] = []
    for name in ("postStart", "preStop"):
        handler: LifecycleHandler | None = getattr(lifecycle, name)
        if handler is None:
            continue
        causes += _handler(handler, f"{field}.{name}", ("exec", "httpGet", "sleep", "tcpSocket"))
        if handler.sleep is not None and not 0 <= handler.sleep.seconds <= grace_seconds:
            causes.append(
                checks.invalid(
                    f"{field}.{name}.sleep",
                    handler.sleep.seconds,
                    f"must be non-negative and less than terminationGracePeriodSeconds ({grace_seconds})",
                )
            )
    return causes


def _handler(handler: Probe | LifecycleHandler, field: str, kinds: tuple[str, ...]) -> list[Cause]:
    chosen = [name for name in kinds if getattr(handler, name) is not None]
    if not chosen:
        return [checks.required(field, "must specify a handler type")]
    causes = [checks.forbidden(f"{field}.{name}", "may not specify more than 1 handler type") for name in chosen[1:]]
    if handler.exec is not None and not handler.exec.command:
        causes.append(checks.required(f"{field}.exec.command"))
    if handler.httpGet is not None:
        causes += _http(handler.httpGet, f"{field}.httpGet")
    if handler.tcpSocket is not None:
        causes += _port(handler.tcpSocket, f"{field}.tcpSocket.port")
    if isinstance(handler, Probe) and handler.grpc is not None:
        port = handler.grpc.port
        causes += checks.invalid_each(f"{field}.grpc.port", port, names.port_number(port))
    return causes


def _http(action: HTTPGetAction, field: str) -> list[Cause]:
    causes: list[Cause] = []
    if not action.path:
        causes.append(checks.required(f"{field}.path"))
    causes += _port(action, f"{field}.port")
    causes += checks.one_of(f"{field}.scheme", action.scheme, ("HTTP", "HTTPS"))
    for header in action.httpHeaders or ():
        causes += checks.invalid_each(f"{field}.httpHeaders", header.name, names.http_header(header.name))
    return causes


def _port(action: HTTPGetAction | TCPSocketAction, field: str) -> list[Cause]:
    if isinstance(action.port, int):
        return checks.invalid_each(field, action.port, names.port_number(action.port))
    return checks.invalid_each(field, action.port, names.port_name(action.port))
