"""From a plan to a running program: what happens between clone3(2) and execve(2).

The parent half returns at once with a ``Birth``: the child's pid and a socket on which the child says what went wrong
or hands over its terminal; the socket closes by itself (close-on-exec) at the moment the program runs. The child half
never returns.
"""

from __future__ import annotations

import dataclasses
import fcntl
import os
import select
import signal
import socket
import stat
import struct
import termios
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from nsorch.linux import call as door
from nsorch.linux import capabilities, cgroups, namespaces, process, seccomp
from nsorch.supervisor import rootfs, users, wire
from nsorch.supervisor.plan import ContainerPlan
from nsorch.supervisor.sandbox import Sandbox

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NOT_FOUND, NOT_PERMITTED, START_ERROR = 127, 126, 128
HELD = {signal.SIGTERM}
"""Blocked while a child is born: our own handler would swallow what is meant for its program."""
IGNORED = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGHUP)
MAX_USERS = 8 << 20
"""Characters of /etc/passwd and /etc/group that are looked at."""
_TIOCGPTN, _TIOCSPTLCK = 0x80045430, 0x40045431  # asm-generic/ioctls.h


class CannotStart(Exception):
    """The program cannot be run; ``code`` is what a shell would exit with."""

    def __init__(self, message: str, code: int = START_ERROR, reason: str = "StartError") -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason


@dataclasses.dataclass(slots=True)
class Birth:
    """A child on its way to its program."""

    pid: int
    report: socket.socket


@dataclasses.dataclass(slots=True, kw_only=True)
class Stdio:
    """The child's ends: three descriptors, or none when it gets a terminal of ``rows`` x ``cols``."""

    fds: tuple[int, int, int] | None
    rows: int = 0
    cols: int = 0


def container(
    plan: ContainerPlan,
    run: str,
    sandbox: Sandbox,
    stdio: Stdio,
    *,
    hostname: str,
    init_pidfd: int,
    own_pids: bool,
    new_group: bool,
) -> Birth:
    """Start the container's first process. ``own_pids``: it is PID 1 of a new PID namespace; else it joins that of
    ``init_pidfd``, or with -1 stays in ours. ``new_group``: its cgroup has to be made or its limits have changed."""
    ours, theirs = wire.pair()
    group = sandbox.group.child(plan.name)
    flags = namespaces.CLONE_NEWNS | (namespaces.CLONE_NEWPID if own_pids else 0)
    pid = _clone(flags, init_pidfd, sandbox.pid_namespace)
    if pid == 0:
        with _Child(theirs):
            _container(plan, run, sandbox, stdio, hostname, group if new_group else None, theirs)
    theirs.close()
    return Birth(pid, ours)


def execute(
    plan: ContainerPlan,
    pidfd: int,
    sandbox: Sandbox,
    stdio: Stdio,
    *,
    argv: Sequence[str],
    env: Sequence[tuple[str, str]],
    cwd: str,
    hostname: str,
    enter_pids: bool,
) -> Birth:
    """Start another process in the running container whose first process is ``pidfd``."""
    ours, theirs = wire.pair()
    pid = _clone(0, pidfd if enter_pids else -1, sandbox.pid_namespace)
    if pid == 0:
        with _Child(theirs):
            process.set_pdeathsig()
            os.setsid()
            process.leave_session_keyring()
            sandbox.group.child(plan.name).attach()
            namespaces.setns(pidfd, namespaces.CLONE_NEWNS | namespaces.CLONE_NEWCGROUP)
            os.chdir("/")
            if stdio.fds is None:
                _terminal("", stdio, theirs, console=False)
            else:
                _install(stdio.fds)
            variables = {**dict(plan.env), **dict(env)}
            _become(plan, argv, variables, cwd or plan.cwd, hostname, stdio.fds is None, theirs)
    theirs.close()
    return Birth(pid, ours)


def _clone(flags: int, pidfd: int, own: int) -> int:
    """clone3 with the child born into the PID namespace of ``pidfd`` (-1: ours or a new one)."""
    pid = -1
    signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
    try:
        if pidfd >= 0:
            namespaces.setns(pidfd, namespaces.CLONE_NEWPID)
        pid = namespaces.clone3(flags)
    finally:
        if pid != 0:
            if pidfd >= 0:
                namespaces.setns(own, namespaces.CLONE_NEWPID)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
    return pid


class _Child:
    """Whatever is raised inside becomes one message to the parent; the child never leaves the block alive."""

    def __init__(self, report: socket.socket) -> None:
        self._report = report

    def __enter__(self) -> None:
        signal.set_wakeup_fd(-1)
        process.set_undumpable()
        for number in IGNORED:  # only these survive execve(2); handlers become the default by themselves
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> NoReturn:
        code, reason = START_ERROR, "StartError"
        message = f"{kind.__name__ if kind else 'nothing'}: {error}"
        if isinstance(error, CannotStart):
            code, reason, message = error.code, error.reason, str(error)
        elif isinstance(error, rootfs.MountFailure):
            reason, message = "CreateContainerError", str(error)
        elif isinstance(error, OSError):
            reason, message = "CreateContainerError", door.text(error)
        try:
            wire.send(self._report, {"error": message[:4096], "reason": reason, "code": code})
        except OSError:
            pass  # the supervisor is gone: nobody left to tell
        os._exit(code)


def _container(
    plan: ContainerPlan,
    run: str,
    sandbox: Sandbox,
    stdio: Stdio,
    hostname: str,
    new_group: cgroups.Group | None,
    report: socket.socket,
) -> NoReturn:
    process.set_pdeathsig()
    os.setsid()
    process.leave_session_keyring()
    root = rootfs.build(plan, run, shm=sandbox.shm, host_mounts=sandbox.host_mounts)
    # As late as can be: on version 2 the first change of cgroups after a quiet second waits (see ``warmer``).
    group = sandbox.group.child(plan.name)
    if new_group is not None:
        sandbox.make_group()
        _make_group(group, plan)
    rootfs.show_cgroup(root, plan, group)
    if stdio.fds is not None:
        _install(stdio.fds)
    group.attach()
    namespaces.unshare(namespaces.CLONE_NEWCGROUP)
    rootfs.enter(root, plan)
    if stdio.fds is None:
        _terminal("", stdio, report, console=True)
    if plan.limits.oom_score_adj is not None:
        try:
            cgroups.write("/proc/self/oom_score_adj", str(plan.limits.oom_score_adj))
        except OSError:
            pass  # lowering it needs CAP_SYS_RESOURCE, which not every root has
    _become(plan, plan.argv, dict(plan.env), plan.cwd, hostname, stdio.fds is None, report)


def _make_group(group: cgroups.Group, plan: ContainerPlan) -> None:
    limits = plan.limits
    group.create()
    group.allow_devices(everything=plan.security.privileged)
    group.limit(
        cpu_request_milli=limits.cpu_request_milli,
        cpu_limit_milli=limits.cpu_limit_milli,
        memory_limit_bytes=limits.memory_limit_bytes,
        pids_limit=limits.pids_limit,
    )


def _install(fds: tuple[int, int, int]) -> None:
    for number, fd in enumerate(fds):
        os.dup2(fd, number)


def _terminal(root: str, stdio: Stdio, report: socket.socket, *, console: bool) -> None:
    """A pseudo-terminal of the container's own devpts: its master goes to the supervisor, we live on the other end."""
    master = os.open(f"{root}/dev/pts/ptmx", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    fcntl.ioctl(master, _TIOCSPTLCK, struct.pack("i", 0))
    (number,) = struct.unpack("I", fcntl.ioctl(master, _TIOCGPTN, b"\0" * 4))
    path = f"{root}/dev/pts/{number}"
    if stdio.rows and stdio.cols:
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", stdio.rows, stdio.cols, 0, 0))
    slave = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    wire.send(report, {"terminal": True}, [master])
    os.close(master)
    if console:
        rootfs.console(path)
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    _install((slave, slave, slave))


def _become(
    plan: ContainerPlan,
    argv: Sequence[str],
    env: dict[str, str],
    cwd: str,
    hostname: str,
    tty: bool,
    report: socket.socket,
) -> NoReturn:
    """Give up what the container may not have, then be the program."""
    security = plan.security
    try:
        who = users.resolve(security, _read("/etc/passwd"), _read("/etc/group"))
    except ValueError as error:
        raise CannotStart(str(error), reason="CreateContainerError") from error
    if security.must_run_as_non_root and who.uid == 0:
        raise CannotStart("container has runAsNonRoot and image will run as root", reason="CreateContainerConfigError")
    env.setdefault("PATH", PATH)
    env.setdefault("HOSTNAME", hostname)
    if not env.get("HOME"):
        env["HOME"] = who.home
    if tty:
        env.setdefault("TERM", "xterm")
    _stdio_owner(who.uid)
    os.umask(0o022)
    # Ours close at execve(2), but working folder and program are found before: neither may be /proc/self/fd/N of the host.
    os.closerange(3, report.fileno())
    os.closerange(report.fileno() + 1, 1 << 20)
    try:
        os.makedirs(cwd, 0o755, exist_ok=True)
        os.chdir(cwd)
        os.getcwd()  # fails outside of the root
    except OSError as error:
        raise CannotStart(f'chdir to cwd ("{cwd}") failed: {error.strerror}') from error
    if security.seccomp == "RuntimeDefault" and not security.no_new_privs and not security.privileged:
        seccomp.install()
    try:
        wanted = capabilities.mask(security.capabilities)
    except ValueError as error:
        raise CannotStart(str(error), reason="CreateContainerError") from error
    if not security.privileged and not cgroups.layout().filters_devices:
        wanted &= ~capabilities.mask(("CAP_MKNOD",))  # nothing would keep it from opening the host's disks
    held = capabilities.held()
    kept = held if security.privileged else wanted & held
    capabilities.limit_bounding(kept, capabilities.bounding())
    os.setgroups(who.groups)
    os.setresgid(who.gid, who.gid, who.gid)
    os.setresuid(who.uid, who.uid, who.uid)
    if who.uid == 0:
        capabilities.capset(kept, kept, 0)
    if security.no_new_privs:
        process.set_no_new_privs()
        if security.seccomp == "RuntimeDefault" and not security.privileged:
            seccomp.install()
    # After setuid, which clears it. Should the supervisor have died before, nobody holds the other end any more.
    process.set_pdeathsig()
    watch = select.poll()
    watch.register(report, 0)
    if watch.poll(0):
        os._exit(START_ERROR)
    run(argv, env)


def _stdio_owner(uid: int) -> None:
    """A user who opens /dev/stdout again (a pipe or terminal of ours) needs to own it, as with runc."""
    if uid == 0:
        return
    for number in range(3):
        try:
            info = os.fstat(number)
            if info.st_uid != uid and info.st_rdev != os.makedev(1, 3):  # never /dev/null
                os.fchown(number, uid, -1)
        except OSError:
            pass  # a socket or a read-only file: it cannot be opened again anyway


def run(argv: Sequence[str], env: Mapping[str, str]) -> NoReturn:
    """execve(2) along ``PATH`` of ``env``, with the errors of containerd and runc."""
    if not argv or not argv[0]:
        raise CannotStart("no command specified")
    name = argv[0]
    if "/" in name:
        try:
            os.execve(name, list(argv), env)
        except OSError as error:
            raise _unrunnable(name, error) from error
    denied: OSError | None = None
    for folder in env.get("PATH", PATH).split(":"):
        path = os.path.join(folder or ".", name)
        try:
            os.execve(path, list(argv), env)
        except (FileNotFoundError, NotADirectoryError):
            if os.path.exists(path):
                raise CannotStart(f"exec {path}: no such file or directory", NOT_FOUND) from None  # its interpreter
        except PermissionError as error:
            if not os.path.isdir(path):
                denied = error
        except OSError as error:
            raise _unrunnable(path, error) from error
    if denied is not None:
        raise CannotStart(f'exec: "{name}": permission denied', NOT_PERMITTED)
    raise CannotStart(f'exec: "{name}": executable file not found in $PATH', NOT_FOUND)


def _unrunnable(path: str, error: OSError) -> CannotStart:
    why = (error.strerror or str(error)).lower()
    if isinstance(error, FileNotFoundError) and not os.path.exists(path):
        return CannotStart(f'exec: "{path}": stat {path}: no such file or directory', NOT_FOUND)
    if isinstance(error, FileNotFoundError):
        return CannotStart(f"exec {path}: no such file or directory", NOT_FOUND)  # its interpreter is missing
    if isinstance(error, PermissionError):
        if os.path.isdir(path):
            return CannotStart(f'exec: "{path}": is a directory', NOT_PERMITTED)
        return CannotStart(f'exec: "{path}": permission denied', NOT_PERMITTED)
    return CannotStart(f"exec {path}: {why}", NOT_PERMITTED)


def _read(path: str) -> str:
    """A small regular file of the container; "" for anything else: a pipe would wait for ever, /dev/zero never end."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:
        return ""
    with open(fd, encoding="utf-8", errors="replace") as file:
        return file.read(MAX_USERS) if stat.S_ISREG(os.fstat(fd).st_mode) else ""
