"""prctl(2) and what a process calls itself."""

from __future__ import annotations

import ctypes
import errno
import os
import signal

from nsorch.linux.call import call, raw

KEYCTL_JOIN_SESSION_KEYRING = 1
PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NAME = 15
PR_CAPBSET_READ = 23
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
PR_CAP_AMBIENT_CLEAR_ALL = 4


def set_pdeathsig(number: int = signal.SIGKILL) -> None:
    """The kernel sends ``number`` when the parent dies. Lost when credentials change: call it after setuid."""
    call("prctl", PR_SET_PDEATHSIG, int(number), 0, 0, 0, tried="set the parent death signal")


def set_child_subreaper() -> None:
    """Orphaned descendants become our children, not those of PID 1."""
    call("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0, tried="become the reaper of orphans")


def set_no_new_privs() -> None:
    call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, tried="forbid new privileges")


def set_undumpable() -> None:
    """Until execve(2), nobody without CAP_SYS_PTRACE may look into us through /proc/PID (our descriptors are the host's)."""
    call("prctl", PR_SET_DUMPABLE, 0, 0, 0, 0, tried="forbid others to look into the process")


def leave_session_keyring() -> None:
    """Have a session keyring of our own, keyrings(7): else every container could read the keys of whoever started us."""
    try:
        call("keyctl", KEYCTL_JOIN_SESSION_KEYRING, None, 0, 0, 0, tried="make a session keyring")
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EPERM, errno.EDQUOT):
            raise  # else there are no keyrings here, or we are in a container that may not use them


def set_name(name: str) -> None:
    """/proc/PID/comm, at most 15 bytes."""
    call("prctl", PR_SET_NAME, name[:15], 0, 0, 0, tried="set the process name")


def capbset_drop(number: int) -> None:
    call("prctl", PR_CAPBSET_DROP, number, 0, 0, 0, tried=f"drop capability {number}")


def capbset_read(number: int) -> bool:
    return raw("prctl", PR_CAPBSET_READ, number, 0, 0, 0) == 1


def title_room() -> int:
    """Bytes that ``set_title`` may use: the memory that holds our own argv and environment."""
    start, _, _, end = _title_area()
    return end - start


def set_title(title: str) -> None:
    """What ps(1) shows. prctl(PR_SET_MM) needs CAP_SYS_RESOURCE, so our own argv memory is overwritten in place; the
    kernel reads on into the environment's memory when the last byte of argv is not NUL (proc_pid_cmdline(5))."""
    start, arg_end, _, end = _title_area()
    raw_title = os.fsencode(title)
    if len(raw_title) < arg_end - start:
        ctypes.memset(start, 0, arg_end - start)
        ctypes.memmove(start, raw_title, len(raw_title))
        return
    raw_title = raw_title[: end - start - 1]
    ctypes.memset(start, 0, end - start)
    ctypes.memmove(start, raw_title, len(raw_title))


def _title_area() -> tuple[int, int, int, int]:
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    # proc_pid_stat(5) counts from 1 and the two fields before ")" are cut off: field n is at n - 3.
    arg_start, arg_end, env_start, env_end = (int(fields[n - 3]) for n in (48, 49, 50, 51))
    return arg_start, arg_end, env_start, env_end if env_start == arg_end else arg_end
