"""RUN: a command in namespaces of its own over a stage's root, with the host's network.

The child sees the stage as its root with fresh /proc, /dev and read-only /sys, the host's resolv.conf and hosts, no other
process, and the capabilities of an ordinary container without CAP_MKNOD (no device cgroup guards it). It dies with the
worker.
"""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import NoReturn

from nsorch.images.build.errors import BuildError
from nsorch.images.build.users import Identity
from nsorch.images.rooted import RootedFolder, UnsafePath
from nsorch.linux import capabilities, mounts, namespaces, process

CAPABILITIES = [
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
]
DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}
READ_ONLY = ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus")
HOST_FILES = ("/etc/resolv.conf", "/etc/hosts")
HOSTNAME = "build"


@dataclass(frozen=True, slots=True)
class Bind:
    """A host folder seen by one RUN only: ``--mount=type=cache``."""

    source: str
    target: str
    locked: bool = True
    """One build at a time uses it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What RUN starts."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str
    identity: Identity
    binds: Sequence[Bind] = ()
    network: bool = True


def run(root: str, command: Command, output: Callable[[str], None]) -> int:
    """Run ``command`` in the overlay mounted at ``root``; every line it prints goes to ``output``. Its exit status.

    The caller must be single-threaded: the child is made by clone3(2).
    """
    with ExitStack() as locks:
        for bind in sorted(command.binds, key=lambda bind: bind.source):  # in one order, so that builds cannot deadlock
            if bind.locked:
                fcntl.flock(locks.enter_context(open(bind.source + ".lock", "w")), fcntl.LOCK_EX)
        return _run(root, command, output)


def _run(root: str, command: Command, output: Callable[[str], None]) -> int:
    made = _mount_points(root, command)
    reading, writing = os.pipe()
    flags = namespaces.CLONE_NEWNS | namespaces.CLONE_NEWPID | namespaces.CLONE_NEWIPC | namespaces.CLONE_NEWUTS
    if not command.network:
        flags |= namespaces.CLONE_NEWNET
    sys.stdout.flush()
    pid = namespaces.clone3(flags)
    if pid == 0:
        os.close(reading)
        _child(root, command, writing)
    os.close(writing)
    try:
        with os.fdopen(reading, encoding="utf-8", errors="replace", newline=None) as lines:
            for line in lines:
                output(line.rstrip("\n"))
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        raise
    finally:
        _, status = os.waitpid(pid, 0)
        _unmake(made)
    return os.waitstatus_to_exitcode(status)


def _child(root: str, command: Command, output: int) -> NoReturn:
    try:
        process.set_pdeathsig()
        os.setsid()
        _enter(root, command)
        null = os.open("/dev/null", os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.closerange(3, 1024)
        capabilities.limit_bounding(capabilities.mask(CAPABILITIES), capabilities.bounding())
        os.setgroups(command.identity.groups)
        os.setresgid(*(command.identity.gid,) * 3)
        os.setresuid(*(command.identity.uid,) * 3)
        process.set_pdeathsig()
        os.umask(0o022)
        os.chdir(command.cwd)
        for number in (signal.SIGPIPE, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.execvpe(command.argv[0], list(command.argv), dict(command.env))
    except OSError as error:
        where = f" ({command.argv[0]})" if isinstance(error, FileNotFoundError) and not error.filename else ""
        os.write(output, f"cannot start the command{where}: {error}\n".encode())
    finally:
        os._exit(127)


def _enter(root: str, command: Command) -> None:
    mounts.set_propagation("/", mounts.MS_PRIVATE)
    namespaces.sethostname(HOSTNAME)
    quiet = mounts.MS_NOSUID | mounts.MS_NOEXEC | mounts.MS_NODEV
    mounts.mount("proc", f"{root}/proc", "proc", quiet)
    mounts.mount("sysfs", f"{root}/sys", "sysfs", quiet | mounts.MS_RDONLY)
    mounts.mount("tmpfs", f"{root}/dev", "tmpfs", mounts.MS_NOSUID | mounts.MS_NOEXEC, "mode=755,size=64k")
    os.umask(0)
    for name, (major, minor) in DEVICES.items():
        os.mknod(f"{root}/dev/{name}", 0o666 | stat.S_IFCHR, os.makedev(major, minor))
    for name, target in LINKS.items():
        os.symlink(target, f"{root}/dev/{name}")
    os.mkdir(f"{root}/dev/shm")
    mounts.mount("shm", f"{root}/dev/shm", "tmpfs", quiet, "mode=1777,size=64m")
    os.mkdir(f"{root}/dev/pts")
    mounts.mount(
        "devpts", f"{root}/dev/pts", "devpts", mounts.MS_NOSUID | mounts.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620"
    )
    os.symlink("pts/ptmx", f"{root}/dev/ptmx")
    tree = RootedFolder(root)
    for host in HOST_FILES:
        try:
            mounts.bind(os.path.realpath(host), tree.follow(host), recursive=False)
        except (FileNotFoundError, UnsafePath):
            continue  # a dangling link in the image: no names can be resolved, which the command will say
    for bind in command.binds:
        mounts.bind(bind.source, tree.folder(_parts(bind.target)))
    os.chdir(root)
    mounts.pivot_root(".", ".")
    mounts.umount2(".", mounts.MNT_DETACH)
    os.chdir("/")
    for path in READ_ONLY:
        if os.path.exists(path):
            mounts.bind(path, path)
            mounts.make_read_only(path, recursive=False)


def _mount_points(root: str, command: Command) -> list[str]:
    """Make what is missing to mount on; what was made is not part of the image."""
    made = []
    for path in ("proc", "sys", "dev", "etc"):
        full = f"{root}/{path}"
        if os.path.islink(full) or (os.path.lexists(full) and not os.path.isdir(full)):
            raise BuildError(f"cannot RUN in this image: /{path} is not a folder")
        if not os.path.lexists(full):
            os.mkdir(full, 0o755)
            made.append(full)
    for host in HOST_FILES:
        if not os.path.lexists(root + host):
            os.close(os.open(root + host, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
            made.append(root + host)
    tree = RootedFolder(root)
    for bind in command.binds:
        tree.folder(_parts(bind.target))
    return made


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.split("/") if part)


def _unmake(made: list[str]) -> None:
    for path in reversed(made):
        try:
            if os.path.isdir(path):
                os.rmdir(path)
            elif os.lstat(path).st_size == 0:
                os.unlink(path)
        except FileNotFoundError:
            continue  # the command removed it itself
        except OSError:
            continue  # the command put something there: that belongs to the image
