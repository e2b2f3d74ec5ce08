"""What one Pod has on disk: made before its start, found again by its uid, removed after its end."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from nsorch.kit import logs
from nsorch.kit.files import write_atomic
from nsorch.linux import cgroups
from nsorch.node.compiler.inputs import Surroundings
from nsorch.node.compiler.layout import Layout
from nsorch.node.compiler.netfiles import hostname, hosts_file, resolv_conf
from nsorch.resources.pod import Pod
from nsorch.supervisor import trees
from nsorch.supervisor.plan import ContainerPlan, PodPlan

log = logs.logger("node")
UPSTREAM_RESOLV_CONF = "/run/systemd/resolve/resolv.conf"


def write_network_files(pod: Pod, around: Surroundings, layout: Layout) -> None:
    """hosts, resolv.conf and hostname, world-readable, to be bound into every container."""
    settings = around.settings
    os.makedirs(layout.dir, mode=0o711, exist_ok=True)
    hosts = _read(settings.host_hosts) if pod.spec.hostNetwork else ""
    _write(layout.hosts, hosts_file(pod, around.address, settings, hosts))
    _write(layout.resolv_conf, resolv_conf(pod, settings, host_resolv_conf(settings.host_resolv_conf)))
    _write(layout.hostname, hostname(pod, settings) + "\n")


def host_resolv_conf(path: str) -> str:
    """The host's resolver settings; those behind systemd-resolved's stub, which Pods cannot reach."""
    text = _read(path)
    if "nameserver 127.0.0.53" in text and (real := _read(UPSTREAM_RESOLV_CONF)):
        return real
    return text


def write_plan(plan: PodPlan, layout: Layout) -> None:
    """plan.json, readable by root only: it carries Secrets."""
    write_atomic(Path(layout.plan), plan.to_json(), mode=0o600)


def read_plan(layout: Layout) -> PodPlan | None:
    """The plan a Pod was started with, as changed since; None if there is none that can be read."""
    try:
        return PodPlan.from_json(Path(layout.plan).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        log.error("cannot read %s: %s", layout.plan, error)
        return None


def with_container(plan: PodPlan, changed: ContainerPlan) -> PodPlan:
    """The plan with one container's plan replaced, or added at the end."""
    names = [container.name for container in plan.containers]
    if changed.name in names:
        containers = tuple(changed if item.name == changed.name else item for item in plan.containers)
    else:
        containers = (*plan.containers, changed)
    return replace(plan, containers=containers)


def write_boot_id(layout: Layout, boot_id: str) -> None:
    _write(layout.boot, boot_id)


def read_boot_id(layout: Layout) -> str:
    """The boot under which the Pod was started; "" if unknown (files lost in a crash of the host)."""
    return _read(layout.boot).strip()


def current_boot_id() -> str:
    return _read("/proc/sys/kernel/random/boot_id").strip()


def kill_cgroup(name: str) -> None:
    """End every process of a Pod whose supervisor is gone, and remove its groups. Blocks: run in a thread."""
    try:
        cgroups.Group(name).destroy()
    except OSError as error:
        log.error("cannot remove cgroup %s: %s", name, error)


def remove_pod(layout: Layout, *, with_logs: bool) -> None:
    """Remove a Pod's folder, socket and, if asked to, its logs. Blocks: run in a thread."""
    Path(layout.socket).unlink(missing_ok=True)
    remove_tree(layout.dir)
    if with_logs:
        remove_tree(layout.logs)


def remove_tree(path: str) -> None:
    """rm -rf; says what it cannot remove. Never follows symbolic links."""
    trees.remove(path)
    try:
        os.rmdir(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        log.error("cannot remove %s: %s", path, error.strerror)


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    with os.fdopen(fd, "w") as out:
        out.write(text)
