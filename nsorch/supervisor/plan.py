"""The Pod plan: everything a supervisor needs to run one Pod, as plain data.

The node agent compiles it (``nsorch.node``), writes it as JSON to ``PODS/UID/plan.json`` (mode 0600: it carries
Secrets in env) and names that file to the spawner. Nothing here touches the kernel. All paths are on the host
unless said otherwise. ``VERSION`` grows when a field changes meaning; a supervisor refuses a plan newer than itself, and a
daemon understands the state of every supervisor whose version it knows.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import types
import typing
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Literal

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One bind or special mount inside a container, in order of ``target``."""

    target: str
    """Absolute path inside the container."""
    source: str = ""
    """Host path for ``bind``; unused else."""
    type: Literal["bind", "tmpfs"] = "bind"
    read_only: bool = False
    recursive: bool = True
    propagation: Literal["private", "rslave", "rshared"] = "private"
    options: str = ""
    """``tmpfs`` data such as ``size=64m,mode=1777``."""
    beneath: str = ""
    """Host folder that ``source`` must not leave when its symbolic links are followed, because containers can write
    there (subPath of an emptyDir or hostPath): open with openat2(RESOLVE_IN_ROOT) below it, make missing folders."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedTmpfs:
    """A tmpfs mounted once by the supervisor in its own mount namespace and bound into containers (emptyDir with
    medium Memory, /dev/shm): gone with the Pod, nothing to unmount."""

    path: str
    size_bytes: int | None = None
    mode: int = 0o777


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """cgroup limits; None means none. cgroup v1 and v2 writers both start from these."""

    cpu_request_milli: int | None = None
    cpu_limit_milli: int | None = None
    memory_limit_bytes: int | None = None
    pids_limit: int | None = None
    oom_score_adj: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A lifecycle hook, run by the supervisor (so that it also works while the daemon is down)."""

    type: Literal["exec", "http", "tcp", "sleep"]
    argv: tuple[str, ...] = ()
    host: str = ""
    port: int = 0
    scheme: Literal["HTTP", "HTTPS"] = "HTTP"
    path: str = "/"
    headers: tuple[tuple[str, str], ...] = ()
    seconds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """Who the process is and what it may do."""

    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = ()
    user: str = ""
    """``USER`` of the image or "name:group" to resolve in the container's own /etc/passwd; wins when not empty."""
    capabilities: tuple[str, ...] = ()
    """Bounding + permitted + effective set, names as in capabilities(7), e.g. ``CAP_CHOWN``."""
    privileged: bool = False
    no_new_privs: bool = False
    read_only_root: bool = False
    masked_paths: tuple[str, ...] = ()
    read_only_paths: tuple[str, ...] = ()
    seccomp: Literal["Unconfined", "RuntimeDefault"] = "Unconfined"
    must_run_as_non_root: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerPlan:
    """One container. ``role``: ``init`` runs to completion in order before ``main``; ``sidecar`` is an init container
    with restartPolicy Always; ``ephemeral`` is started on request and never restarted."""

    name: str
    role: Literal["init", "sidecar", "main", "ephemeral"] = "main"
    image: str = ""
    """Reference as written in the Pod."""
    image_id: str = ""
    """``sha256:...`` of the image's config; "" while the image is not there yet."""
    runnable: bool = True
    """False: hold this container in ``waiting`` with ``hold_reason`` until a ``container`` request replaces its plan."""
    hold_reason: str = ""
    hold_message: str = ""
    root: Literal["overlay", "host"] = "overlay"
    """``host``: the host's own root, read-only (only for nsorch's own system Pods)."""
    lower: tuple[str, ...] = ()
    """Unpacked layer folders, topmost first, as overlayfs wants them."""
    argv: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    cwd: str = "/"
    stdin: bool = False
    stdin_once: bool = False
    tty: bool = False
    mounts: tuple[Mount, ...] = ()
    security: Security = field(default_factory=Security)
    limits: Limits = field(default_factory=Limits)
    stop_signal: int = 15
    post_start: Hook | None = None
    pre_stop: Hook | None = None
    termination_message_path: str = "/dev/termination-log"
    termination_message_policy: Literal["File", "FallbackToLogsOnError"] = "File"
    restart_policy: Literal["Always", "OnFailure", "Never"] = "Always"
    log_dir: str = ""
    """Folder of this container's log files ``N.log`` (CRI format, N = restart count)."""
    first_restart_count: int = 0
    """Restart count to begin with (a Pod re-made in place after a host reboot goes on counting)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The Pod's network namespace; with ``host`` nothing is made and the host's is used.

    Routed veth: the host end ``host_interface`` gets a /32 route to ``address``; inside, ``eth0`` has ``address``/32
    and a default route through 169.254.1.1 with a permanent neighbour entry (the host end's MAC)."""

    host: bool = False
    address: str = ""
    host_interface: str = ""
    node_address: str = ""
    """Source address of the host's route to the Pod."""
    mtu: int = 1500
    sysctls: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PodPlan:
    """One Pod."""

    version: int = VERSION
    uid: str
    namespace: str
    name: str
    hostname: str
    dir: str
    """``PODS/UID``: supervisor's own folder; container layers live in ``dir/containers/NAME``."""
    socket: str
    """SOCK_SEQPACKET path the supervisor listens on."""
    cgroup: str
    """Name relative to each controller's root, e.g. ``nsorch/pod-UID``; containers go to ``CGROUP/NAME``."""
    network: Network = field(default_factory=Network)
    host_ipc: bool = False
    host_pid: bool = False
    share_pid: bool = False
    limits: Limits = field(default_factory=Limits)
    tmpfs: tuple[SharedTmpfs, ...] = ()
    containers: tuple[ContainerPlan, ...] = ()
    grace_seconds: int = 30
    restart_backoff_base: float = 10.0
    restart_backoff_max: float = 300.0
    log_max_bytes: int = 10 * 1024 * 1024
    log_max_files: int = 5

    def to_json(self) -> str:
        return json.dumps(self, default=_fields, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> PodPlan:
        """Parse; unknown keys are ignored (a newer daemon may say more), a missing required key is a ValueError."""
        plan = from_plain(cls, json.loads(text))
        if plan.version > VERSION:
            raise ValueError(f"cannot run plan version {plan.version}: this supervisor knows up to {VERSION}")
        return plan


def _fields(value: Any) -> dict[str, Any]:
    """One dataclass as a dictionary, not copied: a tenth of the time of ``dataclasses.asdict``."""
    return {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}


D = typing.TypeVar("D")


def from_plain(cls: type[D], data: Any) -> D:
    """Build a dataclass from JSON-like data, following its annotations; unknown keys are ignored."""
    hints = _hints(typing.cast(Hashable, cls))
    try:
        return cls(**{name: _convert(hint, data[name]) for name, hint in hints.items() if name in data})
    except TypeError as error:
        raise ValueError(f"cannot read {cls.__name__}: {error}") from error


@functools.cache
def _hints(cls: Any) -> dict[str, Any]:
    """Resolving annotations costs a millisecond: once per class, in the spawner, for all its children."""
    return typing.get_type_hints(cls)


def _convert(hint: Any, value: Any) -> Any:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        inner = [arm for arm in typing.get_args(hint) if arm is not type(None)]
        return None if value is None else _convert(inner[0], value)
    if origin is tuple:
        arms = typing.get_args(hint)
        if len(arms) == 2 and arms[1] is Ellipsis:
            return tuple(_convert(arms[0], item) for item in value)
        return tuple(_convert(arm, item) for arm, item in zip(arms, value, strict=True))
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return from_plain(hint, value)
    return value
