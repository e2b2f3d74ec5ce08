"""Validation of Services."""

from __future__ import annotations

from nsorch.resources import checks, names
from nsorch.resources.meta_validation import validate_labels, validate_metadata, validate_metadata_update
from nsorch.resources.pod_validation import validate_ip
from nsorch.resources.registry import Cause
from nsorch.resources.service import Service, ServicePort, ServiceSpec

TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
PROTOCOLS = ("SCTP", "TCP", "UDP")
MAX_AFFINITY_SECONDS = 86400


def validate_service(service: Service) -> list[Cause]:
    """Everything wrong with a new Service."""
    return validate_metadata(service.metadata, names.dns1035_label) + _spec(service.spec)


def validate_service_update(new: Service, old: Service) -> list[Cause]:
    """Everything wrong with a changed Service; its address never changes while it has one."""
    causes = validate_metadata_update(new.metadata, old.metadata, names.dns1035_label)
    kept = new.spec.type != "ExternalName" and old.spec.type != "ExternalName"
    if kept and old.spec.clusterIP and new.spec.clusterIP != old.spec.clusterIP:
        causes.append(checks.invalid("spec.clusterIPs[0]", new.spec.clusterIPs or [], "may not change once set"))
    if new.spec.type == old.spec.type == "LoadBalancer" and new.spec.loadBalancerClass != old.spec.loadBalancerClass:
        causes.append(checks.invalid("spec.loadBalancerClass", new.spec.loadBalancerClass, "may not change once set"))
    return causes + _spec(new.spec)


def _spec(spec: ServiceSpec) -> list[Cause]:
    causes: list[Cause] = []
    headless = spec.clusterIP == "None"
    external = spec.type == "ExternalName"
    if not spec.ports and not headless and not external:
        causes.append(checks.required("spec.ports"))
    causes += checks.one_of("spec.type", spec.type, TYPES)
    if external:
        causes += _external_name(spec)
    elif headless and spec.type in ("NodePort", "LoadBalancer"):
        causes.append(
            checks.invalid("spec.clusterIPs[0]", spec.clusterIP, f"may not be set to 'None' for {spec.type} services")
        )
    causes += _addresses(spec)
    causes += validate_labels(spec.selector, "spec.selector")
    causes += _affinity(spec)
    causes += _ports(spec)
    causes += _policies(spec)
    return causes


def _external_name(spec: ServiceSpec) -> list[Cause]:
    causes: list[Cause] = []
    if spec.clusterIPs or spec.clusterIP:
        causes.append(checks.forbidden("spec.clusterIPs[0]", "may not be set for ExternalName services"))
    if not spec.externalName:
        causes.append(checks.required("spec.externalName"))
    else:
        name = spec.externalName.removesuffix(".")
        causes += checks.invalid_each("spec.externalName", spec.externalName, names.dns_subdomain(name))
    for field in ("ipFamilies", "ipFamilyPolicy"):
        if getattr(spec, field):
            causes.append(checks.forbidden(f"spec.{field}", "may not be set for ExternalName services"))
    return causes


def _addresses(spec: ServiceSpec) -> list[Cause]:
    causes: list[Cause] = []
    for index, address in enumerate(spec.clusterIPs or ()):
        if address == "None":
            if len(spec.clusterIPs or ()) > 1:
                causes.append(
                    checks.invalid(f"spec.clusterIPs[{index}]", address, "'None' must be the first and only value")
                )
            continue
        causes += validate_ip(address, f"spec.clusterIPs[{index}]")
    if spec.clusterIPs and spec.clusterIP != spec.clusterIPs[0]:
        causes.append(checks.invalid("spec.clusterIPs", spec.clusterIPs, "first value must match `clusterIP`"))
    for index, address in enumerate(spec.externalIPs or ()):
        causes += validate_ip(address, f"spec.externalIPs[{index}]")
    for index, family in enumerate(spec.ipFamilies or ()):
        causes += checks.one_of(f"spec.ipFamilies[{index}]", family, ("IPv4", "IPv6"))
    causes += checks.one_of(
        "spec.ipFamilyPolicy", spec.ipFamilyPolicy, ("PreferDualStack", "RequireDualStack", "SingleStack")
    )
    return causes


def _affinity(spec: ServiceSpec) -> list[Cause]:
    causes = checks.one_of("spec.sessionAffinity", spec.sessionAffinity, ("ClientIP", "None"))
    config = spec.sessionAffinityConfig
    if spec.sessionAffinity == "ClientIP" and config is not None and config.clientIP is not None:
        seconds = config.clientIP.timeoutSeconds
        if seconds is not None and not 0 < seconds <= MAX_AFFINITY_SECONDS:
            causes.append(
                checks.invalid(
                    "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
                    seconds,
                    f"must be greater than 0 and less than {MAX_AFFINITY_SECONDS}",
                )
            )
    return causes


def _ports(spec: ServiceSpec) -> list[Cause]:
    causes: list[Cause] = []
    ports = spec.ports or []
    seen_names: set[str] = set()
    for index, port in enumerate(ports):
        path = f"spec.ports[{index}]"
        if not port.name:
            if len(ports) > 1:
                causes.append(checks.required(f"{path}.name"))
        else:
            causes += checks.invalid_each(f"{path}.name", port.name, names.dns_label(port.name))
            if port.name in seen_names:
                causes.append(checks.duplicate(f"{path}.name", port.name))
            seen_names.add(port.name)
        causes += _port(port, path, spec.type)
    for index in checks.duplicates((port.protocol, port.port) for port in ports):
        causes.append(
            checks.duplicate(f"spec.ports[{index}]", {"protocol": ports[index].protocol, "port": ports[index].port})
        )
    taken: set[tuple[str | None, int]] = set()
    for index, port in enumerate(ports):
        if not port.nodePort:
            continue
        if (port.protocol, port.nodePort) in taken:
            causes.append(checks.duplicate(f"spec.ports[{index}].nodePort", port.nodePort))
        taken.add((port.protocol, port.nodePort))
    return causes


def _port(port: ServicePort, field: str, type_: str | None) -> list[Cause]:
    causes = checks.invalid_each(f"{field}.port", port.port, names.port_number(port.port))
    if not port.protocol:
        causes.append(checks.required(f"{field}.protocol"))
    else:
        causes += checks.one_of(f"{field}.protocol", port.protocol, PROTOCOLS)
    if isinstance(port.targetPort, int):
        causes += checks.invalid_each(f"{field}.targetPort", port.targetPort, names.port_number(port.targetPort))
    elif port.targetPort is not None:
        causes += checks.invalid_each(f"{field}.targetPort", port.targetPort, names.port_name(port.targetPort))
    if port.appProtocol:
        causes += checks.invalid_each(f"{field}.appProtocol", port.appProtocol, names.qualified_name(port.appProtocol))
    if port.nodePort:
        if type_ not in ("NodePort", "LoadBalancer"):
            causes.append(checks.forbidden(f"{field}.nodePort", f"may not be used when `type` is '{type_}'"))
        causes += checks.invalid_each(f"{field}.nodePort", port.nodePort, names.port_number(port.nodePort))
    return causes


def _policies(spec: ServiceSpec) -> list[Cause]:
    causes = checks.one_of("spec.internalTrafficPolicy", spec.internalTrafficPolicy, ("Cluster", "Local"))
    if spec.externalTrafficPolicy:
        causes += checks.one_of("spec.externalTrafficPolicy", spec.externalTrafficPolicy, ("Cluster", "Local"))
        if spec.type not in ("NodePort", "LoadBalancer") and not spec.externalIPs:
            causes.append(
                checks.invalid(
                    "spec.externalTrafficPolicy",
                    spec.externalTrafficPolicy,
                    "may only be set for externally-accessible services",
                )
            )
    if spec.type != "LoadBalancer":
        if spec.allocateLoadBalancerNodePorts is not None:
            causes.append(
                checks.forbidden("spec.allocateLoadBalancerNodePorts", "may only be used when `type` is 'LoadBalancer'")
            )
        if spec.loadBalancerClass:
            causes.append(checks.forbidden("spec.loadBalancerClass", "may only be used when `type` is 'LoadBalancer'"))
    causes += checks.one_of(
        "spec.trafficDistribution", spec.trafficDistribution, ("PreferClose", "PreferSameNode", "PreferSameZone")
    )
    return causes
