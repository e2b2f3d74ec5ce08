"""The registry rows of EndpointSlice and Endpoints: the addresses behind Services."""

from __future__ import annotations

import ipaddress

from nsorch.resources import checks, columns, names
from nsorch.resources.effects import NO_EFFECT
from nsorch.resources.endpoints import EndpointAddress, Endpoints, EndpointSubset
from nsorch.resources.endpointslice import Endpoint, EndpointSlice
from nsorch.resources.meta_validation import validate_metadata, validate_metadata_update
from nsorch.resources.pod_validation import validate_ip
from nsorch.resources.registry import Cause, Column, Kind
from nsorch.resources.strategy import generation_on_create, generation_on_update

MAX_ENDPOINTS = 1000
MAX_PORTS = 20000
MAX_ADDRESSES = 100
PROTOCOLS = ("SCTP", "TCP", "UDP")


def default_slice(slice_: EndpointSlice) -> None:
    """Ports are TCP and unnamed unless they say otherwise."""
    for port in slice_.ports or ():
        port.name = port.name or ""
        port.protocol = port.protocol or "TCP"


def _update_slice(new: EndpointSlice, old: EndpointSlice) -> None:
    changed = (new.endpoints, new.ports, new.metadata.labels) != (old.endpoints, old.ports, old.metadata.labels)
    generation_on_update(new, old, changed=changed)


def validate_slice(slice_: EndpointSlice) -> list[Cause]:
    """Everything wrong with a new EndpointSlice."""
    causes = validate_metadata(slice_.metadata)
    if not slice_.addressType:
        causes.append(checks.required("addressType"))
    else:
        causes += checks.one_of("addressType", slice_.addressType, ("FQDN", "IPv4", "IPv6"))
    if len(slice_.endpoints) > MAX_ENDPOINTS:
        causes.append(checks.too_many("endpoints", len(slice_.endpoints), MAX_ENDPOINTS))
        return causes
    for index, endpoint in enumerate(slice_.endpoints):
        causes += _endpoint(endpoint, f"endpoints[{index}]", slice_.addressType)
    return causes + _slice_ports(slice_)


def validate_slice_update(new: EndpointSlice, old: EndpointSlice) -> list[Cause]:
    """Everything wrong with a changed EndpointSlice; its type of addresses never changes."""
    causes = validate_metadata_update(new.metadata, old.metadata)
    causes += checks.immutable("addressType", new.addressType, old.addressType)
    return causes + [cause for cause in validate_slice(new) if not cause.field.startswith("metadata")]


def _endpoint(endpoint: Endpoint, field: str, address_type: str) -> list[Cause]:
    causes: list[Cause] = []
    if not endpoint.addresses:
        causes.append(checks.required(f"{field}.addresses", "must contain at least 1 address"))
    elif len(endpoint.addresses) > MAX_ADDRESSES:
        causes.append(checks.too_many(f"{field}.addresses", len(endpoint.addresses), MAX_ADDRESSES))
    for index, address in enumerate(endpoint.addresses):
        path = f"{field}.addresses[{index}]"
        if address_type == "FQDN":
            causes += checks.invalid_each(path, address, names.dns_subdomain(address.removesuffix(".")))
            continue
        wrong = validate_ip(address, path)
        causes += wrong
        if not wrong:
            causes += _family(address, address_type, path)
            causes += _reachable(address, path)
    if endpoint.nodeName:
        causes += checks.invalid_each(f"{field}.nodeName", endpoint.nodeName, names.dns_subdomain(endpoint.nodeName))
    if endpoint.hostname:
        causes += checks.invalid_each(f"{field}.hostname", endpoint.hostname, names.dns_label(endpoint.hostname))
    return causes


def _family(address: str, address_type: str, field: str) -> list[Cause]:
    version = ipaddress.ip_address(address).version
    if address_type == "IPv4" and version != 4:
        return [checks.invalid(field, address, "must be an IPv4 address")]
    if address_type == "IPv6" and version != 6:
        return [checks.invalid(field, address, "must be an IPv6 address")]
    return []


def _reachable(address: str, field: str) -> list[Cause]:
    """Addresses that mean something else on every host cannot be endpoints."""
    ip = ipaddress.ip_address(address)
    if ip.is_unspecified:
        return [checks.invalid(field, address, f"may not be unspecified ({ip})")]
    if ip.is_loopback:
        return [checks.invalid(field, address, "may not be in the loopback range (127.0.0.0/8, ::1/128)")]
    if ip.is_link_local:
        return [checks.invalid(field, address, "may not be in the link-local range (169.254.0.0/16, fe80::/10)")]
    return []


def _slice_ports(slice_: EndpointSlice) -> list[Cause]:
    causes: list[Cause] = []
    ports = slice_.ports or []
    if len(ports) > MAX_PORTS:
        return [checks.too_many("ports", len(ports), MAX_PORTS)]
    for index, port in enumerate(ports):
        path = f"ports[{index}]"
        if port.name:
            causes += checks.invalid_each(f"{path}.name", port.name, names.dns_label(port.name))
        causes += checks.one_of(f"{path}.protocol", port.protocol, PROTOCOLS)
        if port.port is not None:
            causes += checks.invalid_each(f"{path}.port", port.port, names.port_number(port.port))
    for index in checks.duplicates(port.name or "" for port in ports):
        causes.append(checks.duplicate(f"ports[{index}].name", ports[index].name or ""))
    return causes


def _slice_warnings(slice_: EndpointSlice) -> list[str]:
    if slice_.addressType in ("IPv6", "FQDN"):
        return [f"addressType: {slice_.addressType} is {NO_EFFECT}: traffic is forwarded to IPv4 addresses only"]
    return []


def default_endpoints(endpoints: Endpoints) -> None:
    """Ports are TCP unless they say otherwise."""
    for subset in endpoints.subsets or ():
        for port in subset.ports or ():
            port.protocol = port.protocol or "TCP"


def validate_endpoints(endpoints: Endpoints) -> list[Cause]:
    """Everything wrong with a new Endpoints object."""
    causes = validate_metadata(endpoints.metadata)
    for index, subset in enumerate(endpoints.subsets or ()):
        causes += _subset(subset, f"subsets[{index}]")
    return causes


def _subset(subset: EndpointSubset, field: str) -> list[Cause]:
    causes: list[Cause] = []
    if not subset.addresses and not subset.notReadyAddresses:
        causes.append(checks.required(field, "must specify `addresses` or `notReadyAddresses`"))
    for group in ("addresses", "notReadyAddresses"):
        addresses: list[EndpointAddress] = getattr(subset, group) or []
        for index, address in enumerate(addresses):
            path = f"{field}.{group}[{index}].ip"
            causes += validate_ip(address.ip, path) or _reachable(address.ip, path)
    ports = subset.ports or []
    for index, port in enumerate(ports):
        path = f"{field}.ports[{index}]"
        if not port.name and len(ports) > 1:
            causes.append(checks.required(f"{path}.name"))
        elif port.name:
            causes += checks.invalid_each(f"{path}.name", port.name, names.dns_label(port.name))
        causes += checks.invalid_each(f"{path}.port", port.port, names.port_number(port.port))
        causes += checks.one_of(f"{path}.protocol", port.protocol, PROTOCOLS)
    return causes


def _addresses(slice_: EndpointSlice) -> str:
    return columns.some([address for endpoint in slice_.endpoints for address in endpoint.addresses], 3)


def _ports(slice_: EndpointSlice) -> str:
    if slice_.ports is None or not slice_.ports:
        return "<unset>"
    return columns.some([str(port.port) if port.port is not None else "*" for port in slice_.ports], 3)


def _subsets(endpoints: Endpoints) -> str:
    found: list[str] = []
    for subset in endpoints.subsets or ():
        for port in subset.ports or ():
            found += [_host_port(address.ip, port.port) for address in subset.addresses or ()]
        if not subset.ports:
            found += [address.ip for address in subset.addresses or ()]
    return columns.some(found, 3)


def _host_port(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


SLICE_COLUMNS: tuple[Column[EndpointSlice], ...] = (
    columns.NAME,
    Column("AddressType", lambda obj, now: obj.addressType, description="IPv4, IPv6 or FQDN."),
    Column("Ports", lambda obj, now: _ports(obj), description="Ports of every endpoint."),
    Column("Endpoints", lambda obj, now: _addresses(obj), description="Addresses of the endpoints."),
    columns.AGE,
)

ENDPOINTS_COLUMNS: tuple[Column[Endpoints], ...] = (
    columns.NAME,
    Column("Endpoints", lambda obj, now: _subsets(obj), description="Addresses with ports."),
    columns.AGE,
)

ENDPOINT_SLICE = Kind(
    model=EndpointSlice,
    plural="endpointslices",
    singular="endpointslice",
    columns=SLICE_COLUMNS,
    default=default_slice,
    prepare_create=generation_on_create,
    prepare_update=_update_slice,
    validate=validate_slice,
    validate_update=validate_slice_update,
    warnings=_slice_warnings,
)

ENDPOINTS = Kind(
    model=Endpoints,
    plural="endpoints",
    singular="endpoints",
    short_names=("ep",),
    columns=ENDPOINTS_COLUMNS,
    default=default_endpoints,
    warnings=lambda obj: ["v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"],
    validate=validate_endpoints,
    validate_update=lambda new, old: (
        validate_metadata_update(new.metadata, old.metadata)
        + [cause for cause in validate_endpoints(new) if not cause.field.startswith("metadata")]
    ),
)
