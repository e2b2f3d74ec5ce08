"""The one door to the kernel: every failing call becomes an OSError that says what was tried."""

from __future__ import annotations

import ctypes
import os
from typing import Any

libc = ctypes.CDLL(None, use_errno=True)
_syscall = libc.syscall
_syscall.restype = ctypes.c_long

NUMBERS = {
    # x86-64, then AArch64 (which uses the generic table); numbers from 424 on are the same everywhere.
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "unshare": (272, 97),
    "setns": (308, 268),
    "prctl": (157, 167),
    "capget": (125, 90),
    "capset": (126, 91),
    "seccomp": (317, 277),
    "bpf": (321, 280),
    "sethostname": (170, 161),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "keyctl": (250, 219),
    "fsmount": (432, 432),
    "clone3": (435, 435),
    "openat2": (437, 437),
    "mount_setattr": (442, 442),
}
MACHINE = os.uname().machine
_COLUMN = {"x86_64": 0, "aarch64": 1}.get(MACHINE, 0)


def raw(name: str, *args: Any) -> int:
    """The bare system call: its result, or -1 with errno in ``ctypes.get_errno()``."""
    return int(_syscall(ctypes.c_long(NUMBERS[name][_COLUMN]), *[_word(arg) for arg in args]))


def call(name: str, *args: Any, tried: str = "") -> int:
    """The system call ``name``; OSError ("cannot TRIED: why") when the kernel refuses."""
    result = raw(name, *args)
    if result < 0:
        raise failure(ctypes.get_errno(), tried or name)
    return result


def failure(number: int, tried: str) -> OSError:
    """The OSError of ``number`` with what was tried in its text; Python picks the subclass (FileNotFoundError...)."""
    return OSError(number, f"cannot {tried}: {os.strerror(number)}")


def text(error: OSError) -> str:
    """What to show a person: our own sentence alone, or Python's usual text for errors of the standard library."""
    if error.strerror and error.strerror.startswith("cannot "):
        return error.strerror
    where = f" {error.filename}" if error.filename else ""
    return f"{error.strerror or error}{where and ':' + where}"


def _word(value: Any) -> Any:
    if isinstance(value, int):
        return ctypes.c_ulong(value & 0xFFFFFFFFFFFFFFFF)
    if isinstance(value, str):
        return ctypes.c_char_p(os.fsencode(value))
    if value is None:
        return ctypes.c_void_p(0)
    return value
