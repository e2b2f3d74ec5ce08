"""One container of a Pod -> ContainerPlan."""

from __future__ import annotations

from typing import Literal

from nsorch.node.compiler.command import command_line, stop_signal
from nsorch.node.compiler.env import container_env, merged
from nsorch.node.compiler.failures import ConfigError
from nsorch.node.compiler.hooks import hook
from nsorch.node.compiler.inputs import Hold, Surroundings
from nsorch.node.compiler.layout import Layout
from nsorch.node.compiler.mounts import container_mounts
from nsorch.node.compiler.netfiles import hostname
from nsorch.node.compiler.resources import container_limits
from nsorch.node.compiler.security import container_security
from nsorch.node.ports import is_host_image, refuse_host_image
from nsorch.resources.container import Container, EphemeralContainer
from nsorch.resources.pod import Pod
from nsorch.supervisor.plan import ContainerPlan, Limits

Role = Literal["init", "sidecar", "main", "ephemeral"]
RestartPolicy = Literal["Always", "OnFailure", "Never"]
WAITING_FOR_POD = "PodInitializing"


def compile_container(
    pod: Pod,
    container: Container | EphemeralContainer,
    role: Role,
    around: Surroundings,
    layout: Layout,
    *,
    qos: str,
    first_restart_count: int = 0,
) -> tuple[ContainerPlan, ConfigError | None]:
    """The plan, held (``runnable=False``) with its reason while image or configuration are missing."""
    image = around.images.get(container.name)
    reference = container.image or ""
    policy = restart_policy(pod, role)

    def held(reason: str, message: str) -> ContainerPlan:
        return ContainerPlan(
            name=container.name,
            role=role,
            image=reference,
            runnable=False,
            hold_reason=reason,
            hold_message=message,
            restart_policy=policy,
            log_dir=f"{layout.logs}/{container.name}",
            first_restart_count=first_restart_count,
        )

    on_host = is_host_image(reference)
    if on_host and (refused := refuse_host_image(reference, pod.namespace)):
        return held("InvalidImageName", refused), None
    if not on_host and not hasattr(image, "layers"):
        hold = image if isinstance(image, Hold) else Hold(reason="ContainerCreating")
        return held(hold.reason, hold.message), None
    config = None if on_host or image is None or isinstance(image, Hold) else image.config
    try:
        as_container = container if isinstance(container, Container) else _as_container(container)
        variables = container_env(pod, as_container, around)
        env = merged(config.env if config else (), variables, hostname(pod, around.settings))
        security = container_security(pod, container, config)
        lifecycle = container.lifecycle
        plan = ContainerPlan(
            name=container.name,
            role=role,
            image=reference,
            image_id="" if image is None or isinstance(image, Hold) else image.id,
            root="host" if on_host else "overlay",
            lower=() if image is None or isinstance(image, Hold) else tuple(str(layer) for layer in image.layers),
            argv=command_line(container.command, container.args, config, variables),
            env=tuple(env.items()),
            cwd=container.workingDir or (config.working_dir if config else "") or "/",
            stdin=bool(container.stdin),
            stdin_once=bool(container.stdinOnce),
            tty=bool(container.tty),
            mounts=container_mounts(
                pod, container, layout, variables, host_root=on_host, read_only_root=security.read_only_root
            ),
            security=security,
            limits=container_limits(pod, container, qos, around.settings.memory_bytes)
            if role != "ephemeral"
            else Limits(),
            stop_signal=stop_signal(
                (lifecycle.stopSignal if lifecycle else None) or (config.stop_signal if config else None)
            ),
            post_start=hook(lifecycle.postStart if lifecycle else None, container, around.address),
            pre_stop=hook(lifecycle.preStop if lifecycle else None, container, around.address),
            termination_message_path=container.terminationMessagePath or "/dev/termination-log",
            termination_message_policy=(
                "FallbackToLogsOnError" if container.terminationMessagePolicy == "FallbackToLogsOnError" else "File"
            ),
            restart_policy=policy,
            log_dir=f"{layout.logs}/{container.name}",
            first_restart_count=first_restart_count,
        )
    except ConfigError as error:
        return held(error.reason, error.message), error
    return plan, None


def restart_policy(pod: Pod, role: Role) -> RestartPolicy:
    """Init containers of an Always Pod are retried on failure only; sidecars always; ephemeral ones never."""
    if role == "sidecar":
        return "Always"
    if role == "ephemeral" or pod.spec.restartPolicy == "Never":
        return "Never"
    if role == "init" or pod.spec.restartPolicy == "OnFailure":
        return "OnFailure"
    return "Always"


def role_of_init(container: Container) -> Role:
    """``sidecar`` for restartPolicy Always, else ``init``."""
    return "sidecar" if container.restartPolicy == "Always" else "init"


def _as_container(container: EphemeralContainer) -> Container:
    return Container(name=container.name, env=container.env, envFrom=container.envFrom, resources=container.resources)
