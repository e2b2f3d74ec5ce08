"""What a daemon is told at its start; what defines the cluster is remembered in ``ROOT/settings.json``."""

from __future__ import annotations

import argparse
import ipaddress
import json
import re
import socket
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace

from nsorch.kit.files import write_atomic
from nsorch.kit.paths import Paths

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class SettingsError(Exception):
    """A setting that cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The remembered part. An empty ``node_address`` is detected at each start."""

    node_name: str = ""
    node_address: str = ""
    pod_cidr: str = "10.244.0.0/16"
    service_cidr: str = "10.96.0.0/16"
    cluster_domain: str = "cluster.local"
    api_port: int = 6443

    @property
    def dns_address(self) -> str:
        """The cluster DNS: the tenth address of the Service network, as everybody has it."""
        return str(ipaddress.IPv4Network(self.service_cidr)[10])

    @property
    def kubernetes_address(self) -> str:
        """The Service ``kubernetes``: the first address of the Service network."""
        return str(ipaddress.IPv4Network(self.service_cidr)[1])


TYPES: dict[type, str] = {int: "a number", str: "text"}
FIXED = ("pod_cidr", "service_cidr", "cluster_domain", "node_name")
"""Settings that stored objects and running Pods depend on: they cannot change under an existing root."""


@dataclass(frozen=True, slots=True)
class Start:
    """Everything said on the command line."""

    paths: Paths
    settings: Settings
    log_level: str


def parse(argv: Sequence[str]) -> Start:
    """Command line plus what the root remembers. SettingsError names the value and the remedy."""
    parser = argparse.ArgumentParser(prog="nsorch daemon")
    parser.add_argument("--root")
    parser.add_argument("--log-level", default="INFO", type=str.upper, choices=LEVELS)
    for field in fields(Settings):
        kind = int if field.name == "api_port" else str
        parser.add_argument("--" + field.name.replace("_", "-"), type=kind, default=None)
    told = parser.parse_args(argv)
    paths = Paths.at(told.root)
    given = {f.name: getattr(told, f.name) for f in fields(Settings) if getattr(told, f.name) not in (None, "")}
    remembered = _remembered(paths)
    if remembered is not None:
        for name in FIXED:
            if name in given and given[name] != getattr(remembered, name):
                raise SettingsError(
                    f"cannot change --{name.replace('_', '-')} from {getattr(remembered, name)} to {given[name]}: "
                    f"{paths.root} was made with it; leave the option out or use another --root"
                )
    settings = replace(remembered or Settings(), **given)
    if not settings.node_name:
        settings = replace(settings, node_name=_host_name())
    _check(settings)
    return Start(paths, settings, told.log_level)


def remember(paths: Paths, settings: Settings) -> None:
    """Write the settings beside the database (only when they changed)."""
    if _remembered(paths) != settings:
        write_atomic(paths.root / "settings.json", json.dumps(asdict(settings), indent=2) + "\n", durable=True)


def _remembered(paths: Paths) -> Settings | None:
    file = paths.root / "settings.json"
    try:
        stored = json.loads(file.read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise SettingsError(f"cannot read {file}: {error}; mend it or remove it") from None
    if not isinstance(stored, dict):
        raise SettingsError(f"cannot read {file}: expected an object; mend it or remove it")
    known = {f.name: type(f.default) for f in fields(Settings)}
    for name, value in stored.items():
        if name in known and type(value) is not known[name]:
            raise SettingsError(
                f"cannot read {file}: {name} is {value!r}, expected {TYPES[known[name]]}; mend it or remove it"
            )
    return Settings(**{name: value for name, value in stored.items() if name in known})


def _host_name() -> str:
    name = re.sub(r"[^a-z0-9.-]", "-", socket.gethostname().lower()).strip("-.")
    return name or "localhost"


def _check(settings: Settings) -> None:
    networks = {}
    for option in ("pod_cidr", "service_cidr"):
        value = getattr(settings, option)
        shown = "--" + option.replace("_", "-")
        try:
            network = ipaddress.IPv4Network(value)
        except ValueError as error:
            raise SettingsError(f"cannot use {shown} {value}: {error}") from None
        if not 12 <= network.prefixlen <= 26:
            raise SettingsError(f"cannot use {shown} {value}: choose a size between /12 and /26")
        networks[option] = network
    if networks["pod_cidr"].overlaps(networks["service_cidr"]):
        raise SettingsError(
            f"cannot use --pod-cidr {settings.pod_cidr} and --service-cidr {settings.service_cidr}: overlap"
        )
    if settings.node_address:
        try:
            ipaddress.IPv4Address(settings.node_address)
        except ValueError as error:
            raise SettingsError(f"cannot use --node-address {settings.node_address}: {error}") from None
    if not 1 <= settings.api_port <= 65535:
        raise SettingsError(f"cannot use --api-port {settings.api_port}: choose 1 to 65535")
    label = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
    for option in ("node_name", "cluster_domain"):
        value = getattr(settings, option)
        if not re.fullmatch(rf"{label}(\.{label})*", value) or len(value) > 253:
            raise SettingsError(f"cannot use --{option.replace('_', '-')} {value}: it is no lower-case DNS name")
