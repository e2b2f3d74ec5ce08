"""unshare(2), setns(2), clone3(2), sethostname(2)."""

from __future__ import annotations

import ctypes
import os
import signal

from nsorch.linux.call import call

CLONE_NEWTIME = 0x80
CLONE_PIDFD = 0x1000
CLONE_NEWNS = 0x20000
CLONE_NEWCGROUP = 0x2000000
CLONE_NEWUTS = 0x4000000
CLONE_NEWIPC = 0x8000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
CLONE_INTO_CGROUP = 0x200000000

NAMES = {
    CLONE_NEWNS: "mnt",
    CLONE_NEWCGROUP: "cgroup",
    CLONE_NEWUTS: "uts",
    CLONE_NEWIPC: "ipc",
    CLONE_NEWPID: "pid",
    CLONE_NEWNET: "net",
}


def names(flags: int) -> str:
    """``mnt|pid`` for messages."""
    return "|".join(name for flag, name in NAMES.items() if flags & flag) or "no"


def unshare(flags: int) -> None:
    call("unshare", flags, tried=f"make {names(flags)} namespaces")


def setns(fd: int, flags: int) -> None:
    """``fd`` is a namespace file, or (Linux 5.8) a pidfd with several flags at once."""
    call("setns", fd, flags, tried=f"enter {names(flags)} namespaces")


def sethostname(name: str) -> None:
    raw = os.fsencode(name)[:64]
    call("sethostname", ctypes.c_char_p(raw), len(raw), tried=f"set the host name {name!r}")


class _CloneArgs(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_uint64)
        for name in (
            "flags",
            "pidfd",
            "child_tid",
            "parent_tid",
            "exit_signal",
            "stack",
            "stack_size",
            "tls",
            "set_tid",
            "set_tid_size",
            "cgroup",
        )
    ]


def clone3(flags: int, cgroup_fd: int = -1) -> int:
    """fork(2) into new namespaces: 0 in the child, the child's pid in the parent.

    Python's and glibc's fork handlers do not run, so: only from a single-threaded process, and the child must soon
    exec or ``os._exit``. Saves one of the two forks that unshare(CLONE_NEWPID) needs."""
    args = _CloneArgs(flags=flags, exit_signal=int(signal.SIGCHLD))
    if cgroup_fd >= 0:
        args.flags |= CLONE_INTO_CGROUP
        args.cgroup = cgroup_fd
    return call(
        "clone3", ctypes.byref(args), ctypes.sizeof(args), tried=f"start a process in {names(flags)} namespaces"
    )
