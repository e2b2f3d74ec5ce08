"""securityContext of Pod and container -> who the process is and what it may do."""

from __future__ import annotations

from nsorch.linux.capabilities import NAMES
from nsorch.node.compiler.failures import ConfigError
from nsorch.node.ports import ImageConfig
from nsorch.resources.container import Container, EphemeralContainer
from nsorch.resources.pod import Pod
from nsorch.resources.security import Capabilities, PodSecurityContext, SecurityContext
from nsorch.supervisor.plan import Security

DEFAULT_CAPABILITIES = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FSETID",
    "CAP_FOWNER",
    "CAP_MKNOD",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETFCAP",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_KILL",
    "CAP_AUDIT_WRITE",
)
"""containerd's default set (``oci/spec.go``)."""
ALL_CAPABILITIES = tuple(NAMES)

MASKED_PATHS = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
)
READ_ONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


def container_security(pod: Pod, container: Container | EphemeralContainer, config: ImageConfig | None) -> Security:
    """The container's own fields win over the Pod's; ConfigError if runAsNonRoot forbids the user."""
    of_pod = pod.spec.securityContext or PodSecurityContext()
    own = container.securityContext or SecurityContext()
    user = own.runAsUser if own.runAsUser is not None else of_pod.runAsUser
    group = own.runAsGroup if own.runAsGroup is not None else of_pod.runAsGroup
    non_root = own.runAsNonRoot if own.runAsNonRoot is not None else of_pod.runAsNonRoot
    image_user = config.user if config is not None else ""
    if non_root:
        _check_non_root(pod, container.name, user, image_user)
    groups = list(of_pod.supplementalGroups or ())
    if of_pod.fsGroup is not None and of_pod.fsGroup not in groups:
        groups.append(of_pod.fsGroup)
    privileged = bool(own.privileged)
    unmasked = privileged or own.procMount == "Unmasked"
    profile = own.seccompProfile or of_pod.seccompProfile
    if profile and profile.type == "Localhost" and not privileged:
        raise ConfigError(
            f'seccomp profile "{profile.localhostProfile}" of type Localhost is not supported: '
            "use RuntimeDefault or Unconfined",
            reason="CreateContainerError",
        )
    return Security(
        uid=user if user is not None else _number(image_user.partition(":")[0]),
        gid=group if group is not None else _number(image_user.partition(":")[2]),
        groups=tuple(groups),
        user=_user_text(user, group, image_user),
        capabilities=ALL_CAPABILITIES if privileged else capabilities(own.capabilities),
        privileged=privileged,
        no_new_privs=own.allowPrivilegeEscalation is False,
        read_only_root=bool(own.readOnlyRootFilesystem),
        masked_paths=() if unmasked else MASKED_PATHS,
        read_only_paths=() if unmasked else READ_ONLY_PATHS,
        seccomp="RuntimeDefault" if profile and profile.type == "RuntimeDefault" and not privileged else "Unconfined",
        must_run_as_non_root=bool(non_root),
    )


def capabilities(wanted: Capabilities | None) -> tuple[str, ...]:
    """The default set with ``add`` and ``drop`` applied; ``ALL`` means all, drop ALL goes before adding."""
    if wanted is None:
        return DEFAULT_CAPABILITIES
    add = [_capability(name) for name in wanted.add or ()]
    drop = [_capability(name) for name in wanted.drop or ()]
    chosen = list(ALL_CAPABILITIES if "CAP_ALL" in add else () if "CAP_ALL" in drop else DEFAULT_CAPABILITIES)
    chosen += [name for name in add if name != "CAP_ALL" and name not in chosen]
    return tuple(name for name in chosen if name not in drop)


def _capability(name: str) -> str:
    upper = name.upper()
    return upper if upper.startswith("CAP_") else "CAP_" + upper


def _user_text(user: int | None, group: int | None, image_user: str) -> str:
    """``USER[:GROUP]`` for the supervisor to resolve in the container's /etc/passwd (primary and further groups)."""
    if user is None and group is None:
        return image_user
    name = str(user) if user is not None else image_user.partition(":")[0] or "0"
    return f"{name}:{group}" if group is not None else name


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _check_non_root(pod: Pod, container: str, user: int | None, image_user: str) -> None:
    where = f'(pod: "{pod.name}_{pod.namespace}({pod.uid})", container: {container})'
    if user is not None:
        if user == 0:
            raise ConfigError(f"container's runAsUser breaks non-root policy {where}")
        return
    name = image_user.partition(":")[0]
    if name in ("", "0"):
        raise ConfigError(f"container has runAsNonRoot and image will run as root {where}")
    if not name.isdecimal():
        raise ConfigError(
            f"container has runAsNonRoot and image has non-numeric user ({name}), cannot verify user is non-root {where}"
        )
