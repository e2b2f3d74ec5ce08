"""Validation of Pods and of the Pod templates inside other kinds."""

from __future__ import annotations

import ipaddress

from nsorch.resources import checks, names
from nsorch.resources.container import Container, ResourceRequirements
from nsorch.resources.container_validation import validate_container, validate_resources
from nsorch.resources.meta_validation import validate_annotations, validate_labels, validate_metadata
from nsorch.resources.pod import Pod, PodSpec, PodTemplateSpec
from nsorch.resources.registry import Cause
from nsorch.resources.scheduling_validation import validate_affinity, validate_spread, validate_tolerations
from nsorch.resources.security_validation import validate_pod_security, validate_security
from nsorch.resources.volume_validation import validate_volumes

RESTART_POLICIES = ("Always", "OnFailure", "Never")
DNS_POLICIES = ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
NOT_EPHEMERAL = (
    "lifecycle",
    "livenessProbe",
    "ports",
    "readinessProbe",
    "resizePolicy",
    "resources",
    "restartPolicy",
    "startupProbe",
)
"""Fields of containers that ephemeral ones may not have."""
MAX_NAMESERVERS = 3
MAX_SEARCHES = 32
MAX_DEADLINE = 2**31 - 1


def validate_pod(pod: Pod) -> list[Cause]:
    """Everything wrong with a new Pod."""
    causes = validate_metadata(pod.metadata)
    causes += validate_pod_spec(pod.spec, "spec")
    if pod.spec.ephemeralContainers:
        causes.append(checks.forbidden("spec.ephemeralContainers", "cannot be set on create"))
    return causes


def validate_template(template: PodTemplateSpec, field: str) -> list[Cause]:
    """Everything wrong with a Pod template."""
    causes = validate_labels(template.metadata.labels, f"{field}.labels")
    causes += validate_annotations(template.metadata.annotations, f"{field}.annotations")
    causes += validate_pod_spec(template.spec, f"{field}.spec")
    if template.spec.ephemeralContainers:
        causes.append(
            checks.forbidden(f"{field}.spec.ephemeralContainers", "ephemeral containers not allowed in pod template")
        )
    return causes


def validate_pod_spec(spec: PodSpec, field: str) -> list[Cause]:
    """Everything wrong with a Pod's spec."""
    causes = validate_volumes(spec.volumes or [], f"{field}.volumes")
    causes += _containers(spec, field)
    causes += checks.one_of(f"{field}.restartPolicy", spec.restartPolicy, RESTART_POLICIES)
    causes += checks.one_of(f"{field}.dnsPolicy", spec.dnsPolicy, DNS_POLICIES)
    causes += _dns(spec, field)
    causes += validate_labels(spec.nodeSelector, f"{field}.nodeSelector")
    causes += validate_pod_security(spec.securityContext, f"{field}.securityContext")
    causes += validate_affinity(spec.affinity, f"{field}.affinity")
    causes += validate_tolerations(spec.tolerations or [], f"{field}.tolerations")
    causes += validate_spread(spec.topologySpreadConstraints or [], f"{field}.topologySpreadConstraints")
    causes += validate_resources(spec.resources, f"{field}.resources")
    causes += _host(spec, field)
    for name, rule in (
        ("serviceAccountName", names.dns_subdomain),
        ("nodeName", names.dns_subdomain),
        ("priorityClassName", names.dns_subdomain),
        ("runtimeClassName", names.dns_subdomain),
        ("hostname", names.dns_label),
        ("subdomain", names.dns_label),
    ):
        text = getattr(spec, name)
        if text:
            causes += checks.invalid_each(f"{field}.{name}", text, rule(text))
    if spec.activeDeadlineSeconds is not None:
        causes += checks.invalid_each(
            f"{field}.activeDeadlineSeconds",
            spec.activeDeadlineSeconds,
            names.in_range(spec.activeDeadlineSeconds, 1, MAX_DEADLINE),
        )
    causes += checks.not_negative(f"{field}.terminationGracePeriodSeconds", spec.terminationGracePeriodSeconds)
    causes += checks.one_of(f"{field}.preemptionPolicy", spec.preemptionPolicy, ("Never", "PreemptLowerPriority"))
    if spec.os is not None:
        causes += checks.one_of(f"{field}.os.name", spec.os.name, ("linux", "windows"))
    for index, gate in enumerate(spec.readinessGates or ()):
        causes += checks.invalid_each(
            f"{field}.readinessGates[{index}].conditionType",
            gate.conditionType,
            names.qualified_name(gate.conditionType),
        )
    return causes


def _containers(spec: PodSpec, field: str) -> list[Cause]:
    causes: list[Cause] = []
    volumes = {volume.name for volume in spec.volumes or ()}
    grace = 30 if spec.terminationGracePeriodSeconds is None else spec.terminationGracePeriodSeconds
    if not spec.containers:
        causes.append(checks.required(f"{field}.containers"))
    seen: set[str] = set()
    groups: tuple[tuple[str, list[Container]], ...] = (
        ("initContainers", spec.initContainers or []),
        ("containers", spec.containers),
    )
    for group, containers in groups:
        init = group == "initContainers"
        for index, container in enumerate(containers):
            path = f"{field}.{group}[{index}]"
            causes += validate_container(container, path, volumes, grace_seconds=grace, init=init)
            causes += validate_security(container.securityContext, f"{path}.securityContext")
            if container.name in seen:
                causes.append(checks.duplicate(f"{path}.name", container.name))
            seen.add(container.name)
            if container.restartPolicy is None:
                continue
            if not init:
                causes.append(checks.forbidden(f"{path}.restartPolicy", "may not be set for non-init containers"))
            elif container.restartPolicy != "Always":
                causes.append(checks.unsupported(f"{path}.restartPolicy", container.restartPolicy, ("Always",)))
    causes += _host_ports(spec, field)
    for index, ephemeral in enumerate(spec.ephemeralContainers or ()):
        path = f"{field}.ephemeralContainers[{index}]"
        causes += validate_container(ephemeral, path, volumes)
        if ephemeral.name in seen:
            causes.append(checks.duplicate(f"{path}.name", ephemeral.name))
        seen.add(ephemeral.name)
        for forbidden in NOT_EPHEMERAL:
            given = getattr(ephemeral, forbidden)
            if given and given != ResourceRequirements():  # an empty one is the default
                causes.append(checks.forbidden(f"{path}.{forbidden}", "cannot be set for an Ephemeral Container"))
        for position, mount in enumerate(ephemeral.volumeMounts or ()):
            for name in ("subPath", "subPathExpr"):
                if getattr(mount, name):
                    causes.append(
                        checks.forbidden(
                            f"{path}.volumeMounts[{position}].{name}", "cannot be set for an Ephemeral Container"
                        )
                    )
        target = ephemeral.targetContainerName
        if target and all(container.name != target for _, containers in groups for container in containers):
            causes.append(checks.not_found(f"{path}.targetContainerName", target))
    return causes


def _host_ports(spec: PodSpec, field: str) -> list[Cause]:
    """Two containers cannot have the same port of the host; with hostNetwork both ports must agree."""
    causes: list[Cause] = []
    taken: set[tuple[str, str, int]] = set()
    for index, container in enumerate(spec.containers):
        for position, port in enumerate(container.ports or ()):
            if not port.hostPort:
                continue
            path = f"{field}.containers[{index}].ports[{position}]"
            key = (port.protocol or "TCP", port.hostIP or "", port.hostPort)
            if key in taken:
                causes.append(checks.duplicate(f"{path}.hostPort", f"{key[0]}/{key[1]}/{key[2]}"))
            taken.add(key)
            if spec.hostNetwork and port.hostPort != port.containerPort:
                causes.append(
                    checks.invalid(
                        f"{path}.containerPort", port.containerPort, "must match `hostPort` when `hostNetwork` is true"
                    )
                )
    return causes


def _dns(spec: PodSpec, field: str) -> list[Cause]:
    causes: list[Cause] = []
    config = spec.dnsConfig
    servers = (config.nameservers if config is not None else None) or []
    if spec.dnsPolicy == "None":
        if config is None:
            causes.append(checks.required(f"{field}.dnsConfig", "must provide `dnsConfig` when `dnsPolicy` is None"))
        elif not servers:
            causes.append(
                checks.required(
                    f"{field}.dnsConfig.nameservers",
                    "must provide at least one DNS nameserver when `dnsPolicy` is None",
                )
            )
    if config is None:
        return causes
    if len(servers) > MAX_NAMESERVERS:
        causes.append(
            checks.invalid(
                f"{field}.dnsConfig.nameservers", servers, f"must not have more than {MAX_NAMESERVERS} nameservers"
            )
        )
    for index, server in enumerate(servers):
        causes += validate_ip(server, f"{field}.dnsConfig.nameservers[{index}]")
    if len(config.searches or ()) > MAX_SEARCHES:
        causes.append(
            checks.invalid(
                f"{field}.dnsConfig.searches", config.searches, f"must not have more than {MAX_SEARCHES} search paths"
            )
        )
    for index, option in enumerate(config.options or ()):
        if not option.name:
            causes.append(checks.required(f"{field}.dnsConfig.options[{index}]", "must not be empty"))
    return causes


def _host(spec: PodSpec, field: str) -> list[Cause]:
    causes: list[Cause] = []
    if spec.shareProcessNamespace and spec.hostPID:
        causes.append(
            checks.invalid(
                f"{field}.shareProcessNamespace",
                True,
                "ShareProcessNamespace and HostPID cannot both be enabled",
            )
        )
    for index, alias in enumerate(spec.hostAliases or ()):
        causes += validate_ip(alias.ip, f"{field}.hostAliases[{index}].ip")
        for position, hostname in enumerate(alias.hostnames or ()):
            causes += checks.invalid_each(
                f"{field}.hostAliases[{index}].hostnames[{position}]", hostname, names.dns_subdomain(hostname)
            )
    return causes


def validate_ip(text: str, field: str) -> list[Cause]:
    """An IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return [checks.invalid(field, text, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")]
    return []
