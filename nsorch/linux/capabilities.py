"""capset(2) and the names of capabilities(7)."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable

from nsorch.linux import process
from nsorch.linux.call import call

NAMES = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
]
NUMBERS = {name: number for number, name in enumerate(NAMES)}
_VERSION_3 = 0x20080522


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _Data(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable")]


def mask(names: Iterable[str]) -> int:
    """Bits of ``names`` (with or without ``CAP_``); ValueError names an unknown one."""
    bits = 0
    for name in names:
        full = name.upper() if name.upper().startswith("CAP_") else f"CAP_{name.upper()}"
        if full not in NUMBERS:
            raise ValueError(f"cannot grant capability {name}: Linux knows none of that name")
        bits |= 1 << NUMBERS[full]
    return bits


def capget() -> tuple[int, int, int]:
    """Effective, permitted and inheritable bits of this process."""
    header, data = _Header(_VERSION_3, 0), (_Data * 2)()
    call("capget", ctypes.byref(header), ctypes.byref(data), tried="read capabilities")
    low, high = data
    return (
        low.effective | high.effective << 32,
        low.permitted | high.permitted << 32,
        low.inheritable | high.inheritable << 32,
    )


def capset(effective: int, permitted: int, inheritable: int) -> None:
    header, data = _Header(_VERSION_3, 0), (_Data * 2)()
    for word in range(2):
        shift = 32 * word
        data[word].effective = effective >> shift & 0xFFFFFFFF
        data[word].permitted = permitted >> shift & 0xFFFFFFFF
        data[word].inheritable = inheritable >> shift & 0xFFFFFFFF
    call("capset", ctypes.byref(header), ctypes.byref(data), tried="set capabilities")


def held() -> int:
    """What this process could pass on: its permitted bits."""
    return capget()[1]


def limit_bounding(allowed: int, possible: int) -> None:
    """Drop from the bounding set all that is not ``allowed``; ``possible`` is what it holds now."""
    for number in range(len(NAMES)):
        if possible >> number & 1 and not allowed >> number & 1:
            process.capbset_drop(number)


def bounding() -> int:
    """The bounding set of this process."""
    return sum(1 << number for number in range(len(NAMES)) if process.capbset_read(number))
