"""A PodPlan in words: what the kernel is asked to do, step by step (``nsorch explain-pod``)."""

from __future__ import annotations

import shlex
import signal

from nsorch.supervisor.plan import ContainerPlan, Hook, Limits, Mount, PodPlan

SECRET_WORDS = ("PASSWORD", "SECRET", "TOKEN", "KEY", "CREDENTIAL")


def explain(plan: PodPlan) -> list[str]:
    """One line per step; container steps are indented. Values of variables that look secret are not shown."""
    lines = [f"Pod {plan.namespace}/{plan.name} uid {plan.uid}: supervisor listens on {plan.socket}"]
    lines.append(f"cgroup {plan.cgroup}{_limits(plan.limits)}")
    if plan.network.host:
        lines.append("network: the host's own namespace")
    else:
        lines.append(
            f"clone3 CLONE_NEWNET: veth {plan.network.host_interface} on the host, eth0 inside with "
            f"{plan.network.address}/32, mtu {plan.network.mtu}"
        )
        lines.append(
            f"route {plan.network.address}/32 dev {plan.network.host_interface} src {plan.network.node_address}"
        )
        lines.append("inside: default via 169.254.1.1 dev eth0, permanent neighbour")
        lines += [f"sysctl {name}={value}" for name, value in plan.network.sysctls]
    lines.append("IPC: the host's own namespace" if plan.host_ipc else "clone3 CLONE_NEWIPC: one for the Pod")
    lines.append(f"clone3 CLONE_NEWUTS: hostname {plan.hostname}")
    if plan.host_pid:
        lines.append("PIDs: the host's own namespace")
    elif plan.share_pid:
        lines.append("clone3 CLONE_NEWPID: one for the Pod (shareProcessNamespace)")
    for shared in plan.tmpfs:
        size = f" size={shared.size_bytes}" if shared.size_bytes is not None else ""
        lines.append(f"mount tmpfs {shared.path} mode={shared.mode:o}{size}")
    for container in plan.containers:
        lines += _container(container, plan)
    lines.append(f"on deletion: {plan.grace_seconds} s of grace, then SIGKILL")
    return lines


def _container(plan: ContainerPlan, pod: PodPlan) -> list[str]:
    head = f"{plan.role} container {plan.name}: image {plan.image}"
    if plan.image_id:
        head += f" ({plan.image_id[:19]})"
    if not plan.runnable:
        return [head, f"  held: {plan.hold_reason}" + (f": {plan.hold_message}" if plan.hold_message else "")]
    namespaces = ["NEWNS"] + ([] if pod.host_pid or pod.share_pid else ["NEWPID"])
    lines = [head, "  clone3 " + "|".join(f"CLONE_{name}" for name in namespaces)]
    lines.append(f"  cgroup {pod.cgroup}/{plan.name}{_limits(plan.limits)}")
    if plan.root == "host":
        lines.append("  root: the host's own, bound read-only")
    else:
        lines.append(f"  mount overlay: {len(plan.lower)} layers below {pod.dir}/containers/{plan.name}")
    lines += [f"  {_mount(mount)}" for mount in plan.mounts]
    lines.append("  mount proc, sysfs, dev" + ("; root read-only" if plan.security.read_only_root else ""))
    security = plan.security
    if security.masked_paths:
        lines.append(f"  mask {len(security.masked_paths)} paths, read-only {len(security.read_only_paths)} paths")
    lines.append("  pivot_root")
    user = security.user or f"{security.uid}:{security.gid}"
    groups = f" groups {','.join(map(str, security.groups))}" if security.groups else ""
    lines.append(f"  setgroups, setresgid, setresuid: {user}{groups}")
    lines.append("  capabilities: " + ("all" if security.privileged else " ".join(security.capabilities) or "none"))
    if security.no_new_privs:
        lines.append("  prctl PR_SET_NO_NEW_PRIVS")
    lines.append(f"  chdir {plan.cwd}")
    lines.append("  environment: " + " ".join(f"{name}={_shown(name, value)}" for name, value in plan.env))
    lines.append("  execve " + shlex.join(plan.argv))
    if plan.post_start:
        lines.append(f"  after start: {_hook(plan.post_start)}")
    if plan.pre_stop:
        lines.append(f"  before stop: {_hook(plan.pre_stop)}")
    lines.append(f"  stop signal {_signal(plan.stop_signal)}; restart {plan.restart_policy}; logs {plan.log_dir}")
    return lines


def _mount(mount: Mount) -> str:
    mode = " read-only" if mount.read_only else ""
    if mount.type == "tmpfs":
        return f"mount tmpfs {mount.target} {mount.options}".rstrip() + mode
    return f"mount --bind {mount.source} {mount.target}{mode}" + (
        f" {mount.propagation}" if mount.propagation != "private" else ""
    )


def _limits(limits: Limits) -> str:
    parts = []
    if limits.cpu_request_milli is not None:
        parts.append(f"cpu weight for {limits.cpu_request_milli}m")
    if limits.cpu_limit_milli is not None:
        parts.append(f"cpu max {limits.cpu_limit_milli}m")
    if limits.memory_limit_bytes is not None:
        parts.append(f"memory max {limits.memory_limit_bytes}")
    if limits.pids_limit is not None:
        parts.append(f"pids max {limits.pids_limit}")
    if limits.oom_score_adj is not None:
        parts.append(f"oom_score_adj {limits.oom_score_adj}")
    return ": " + ", ".join(parts) if parts else ""


def _hook(hook: Hook) -> str:
    match hook.type:
        case "exec":
            return "execve " + shlex.join(hook.argv)
        case "http":
            return f"GET {hook.scheme.lower()}://{hook.host}:{hook.port}{hook.path}"
        case "tcp":
            return f"connect {hook.host}:{hook.port}"
        case _:
            return f"sleep {hook.seconds} s"


def _shown(name: str, value: str) -> str:
    if any(word in name.upper() for word in SECRET_WORDS):
        return "<hidden>"
    return shlex.quote(value)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
