"""A whole Pod -> PodPlan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from nsorch.node.compiler.container import Role, compile_container, role_of_init
from nsorch.node.compiler.failures import ConfigError
from nsorch.node.compiler.inputs import Surroundings
from nsorch.node.compiler.layout import Layout
from nsorch.node.compiler.mounts import shared_tmpfs
from nsorch.node.compiler.netfiles import hostname
from nsorch.node.compiler.resources import pod_limits
from nsorch.resources.container import Container, EphemeralContainer
from nsorch.resources.pod import Pod
from nsorch.resources.qos import qos_class
from nsorch.supervisor.plan import ContainerPlan, Network, PodPlan


@dataclass(frozen=True, slots=True)
class Compiled:
    """The plan, and for each container that cannot be configured yet, why."""

    plan: PodPlan
    errors: Mapping[str, ConfigError] = field(default_factory=dict)


def roles(pod: Pod) -> Iterator[tuple[Role, Container | EphemeralContainer]]:
    """Every container of the Pod with its role: init and sidecars in order, main ones, ephemeral ones."""
    for init in pod.spec.initContainers or ():
        yield role_of_init(init), init
    for container in pod.spec.containers:
        yield "main", container
    for ephemeral in pod.spec.ephemeralContainers or ():
        yield "ephemeral", ephemeral


def compile_pod(
    pod: Pod,
    around: Surroundings,
    layout: Layout,
    *,
    host_interface: str = "",
    restart_counts: Mapping[str, int] | None = None,
) -> Compiled:
    """Compile everything; containers without image or configuration are held, never left out."""
    settings = around.settings
    qos = (pod.status.qosClass or "") or qos_class(pod.spec)
    plans: list[ContainerPlan] = []
    errors: dict[str, ConfigError] = {}
    for role, container in roles(pod):
        plan, error = compile_container(
            pod,
            container,
            role,
            around,
            layout,
            qos=qos,
            first_restart_count=(restart_counts or {}).get(container.name, 0),
        )
        plans.append(plan)
        if error is not None:
            errors[container.name] = error
    of_pod = pod.spec.securityContext
    network = (
        Network(host=True, address=settings.node_address, node_address=settings.node_address)
        if pod.spec.hostNetwork
        else Network(
            address=around.address,
            host_interface=host_interface,
            node_address=settings.node_address,
            mtu=settings.mtu,
            sysctls=tuple((item.name, item.value) for item in (of_pod.sysctls if of_pod else None) or ()),
        )
    )
    grace = pod.spec.terminationGracePeriodSeconds
    return Compiled(
        PodPlan(
            uid=pod.uid,
            namespace=pod.namespace or "",
            name=pod.name,
            hostname=hostname(pod, settings),
            dir=layout.dir,
            socket=layout.socket,
            cgroup=layout.cgroup,
            network=network,
            host_ipc=bool(pod.spec.hostIPC),
            host_pid=bool(pod.spec.hostPID),
            share_pid=bool(pod.spec.shareProcessNamespace),
            limits=replace(pod_limits(pod), pids_limit=settings.pod_pids_limit),
            tmpfs=shared_tmpfs(pod, layout),
            containers=tuple(plans),
            grace_seconds=30 if grace is None else grace,
            restart_backoff_base=settings.restart_backoff_base,
            restart_backoff_max=settings.restart_backoff_max,
            log_max_bytes=settings.log_max_bytes,
            log_max_files=settings.log_max_files,
        ),
        errors,
    )
