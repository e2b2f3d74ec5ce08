"""The registry row of Services, with the columns of ``kubectl get services``."""

from __future__ import annotations

from nsorch.resources import columns
from nsorch.resources.effects import NO_EFFECT
from nsorch.resources.registry import Column, Kind
from nsorch.resources.service import Service
from nsorch.resources.service_strategy import default_service, prepare_create, prepare_update
from nsorch.resources.service_validation import validate_service, validate_service_update
from nsorch.resources.strategy import only_status


def external_ip(service: Service) -> str:
    """The EXTERNAL-IP column: where the Service is reached from outside, ``<pending>`` while nobody provides it."""
    spec = service.spec
    if spec.type == "ExternalName":
        return columns.or_none(spec.externalName)
    addresses = list(spec.externalIPs or ())
    if spec.type != "LoadBalancer":
        return ",".join(addresses) or columns.NONE
    balancer = service.status.loadBalancer
    ingress = (balancer.ingress if balancer is not None else None) or []
    given = sorted({one.ip or one.hostname or "" for one in ingress})
    return ",".join([*given, *addresses]) or "<pending>"


def ports(service: Service) -> str:
    """The PORT(S) column: ``80:30080/TCP,443/TCP``."""
    return (
        ",".join(
            f"{port.port}:{port.nodePort}/{port.protocol}" if port.nodePort else f"{port.port}/{port.protocol}"
            for port in service.spec.ports or ()
        )
        or columns.NONE
    )


def warnings(service: Service) -> list[str]:
    """What a Service asks for that one host does not have."""
    found: list[str] = []
    spec = service.spec
    if spec.type == "LoadBalancer":
        found.append(
            "spec.type: no load balancer provides external addresses on this cluster; the Service is reached at its "
            "cluster IP and node ports"
        )
    if "IPv6" in (spec.ipFamilies or ()):
        found.append("spec.ipFamilies: this cluster has IPv4 addresses only")
    if spec.ipFamilyPolicy == "RequireDualStack":
        found.append("spec.ipFamilyPolicy: this cluster has IPv4 addresses only")
    for index, port in enumerate(spec.ports or ()):
        if port.protocol == "SCTP":
            found.append(
                f"spec.ports[{index}].protocol: SCTP is forwarded only where the kernel supports it; else connections fail"
            )
    for name, effect in (
        ("loadBalancerIP", "no load balancer provides external addresses"),
        ("loadBalancerClass", "no load balancer provides external addresses"),
        ("healthCheckNodePort", "no load balancer asks for it, and no port answers"),
    ):
        if getattr(spec, name):
            found.append(f"spec.{name}: {NO_EFFECT}: {effect}")
    return found


SERVICE_COLUMNS: tuple[Column[Service], ...] = (
    columns.NAME,
    Column("Type", lambda obj, now: obj.spec.type, description="How the Service is exposed."),
    Column("Cluster-IP", lambda obj, now: columns.or_none(obj.spec.clusterIP), description="Its virtual address."),
    Column("External-IP", lambda obj, now: external_ip(obj), description="Addresses outside the cluster."),
    Column("Port(s)", lambda obj, now: ports(obj), description="Ports, with the node's port where there is one."),
    columns.AGE,
    Column(
        "Selector",
        lambda obj, now: columns.labels(obj.spec.selector),
        priority=1,
        description="Labels of the Pods behind it.",
    ),
)

SERVICE = Kind(
    model=Service,
    plural="services",
    singular="service",
    short_names=("svc",),
    categories=("all",),
    subresources=("status", "proxy"),
    columns=SERVICE_COLUMNS,
    default=default_service,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    prepare_status=only_status,
    validate=validate_service,
    validate_update=validate_service_update,
    warnings=warnings,
    fields={
        "spec.clusterIP": lambda obj: obj.spec.clusterIP or "",
        "spec.type": lambda obj: obj.spec.type or "",
    },
)
