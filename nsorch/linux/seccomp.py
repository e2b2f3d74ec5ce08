"""A small seccomp(2) filter, written as BPF by hand: system calls that no container needs answer EPERM.

It is a deny-list of what reaches beyond namespaces (modules, kexec, clocks, keyrings, raw memory, BPF, userfaultfd...), not
the allow-list of other runtimes: new system calls keep working.
"""

from __future__ import annotations

import ctypes
import errno
import struct

from nsorch.linux.call import MACHINE, call

_X86_64 = {
    "_sysctl": 156,
    "acct": 163,
    "settimeofday": 164,
    "swapon": 167,
    "swapoff": 168,
    "reboot": 169,
    "iopl": 172,
    "ioperm": 173,
    "create_module": 174,
    "init_module": 175,
    "delete_module": 176,
    "get_kernel_syms": 177,
    "query_module": 178,
    "quotactl": 179,
    "nfsservctl": 180,
    "lookup_dcookie": 212,
    "clock_settime": 227,
    "mbind": 237,
    "set_mempolicy": 238,
    "get_mempolicy": 239,
    "kexec_load": 246,
    "add_key": 248,
    "request_key": 249,
    "keyctl": 250,
    "migrate_pages": 256,
    "move_pages": 279,
    "perf_event_open": 298,
    "clock_adjtime": 305,
    "finit_module": 313,
    "kexec_file_load": 320,
    "bpf": 321,
    "userfaultfd": 323,
}
_AARCH64 = {
    "quotactl": 60,
    "acct": 89,
    "kexec_load": 104,
    "init_module": 105,
    "delete_module": 106,
    "clock_settime": 112,
    "reboot": 142,
    "settimeofday": 170,
    "add_key": 217,
    "request_key": 218,
    "keyctl": 219,
    "swapon": 224,
    "swapoff": 225,
    "mbind": 235,
    "get_mempolicy": 236,
    "set_mempolicy": 237,
    "migrate_pages": 238,
    "move_pages": 239,
    "perf_event_open": 241,
    "clock_adjtime": 266,
    "finit_module": 273,
    "bpf": 280,
    "userfaultfd": 282,
    "kexec_file_load": 294,
}
_ARCHITECTURES = {"x86_64": (0xC000003E, _X86_64), "aarch64": (0xC00000B7, _AARCH64)}
_IO_URING = (425, 426, 427)
_X32_BIT = 0x40000000

_LOAD, _JEQ, _JGE, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW = 0x7FFF0000
_DENY = 0x00050000 | errno.EPERM
_SET_MODE_FILTER = 1
_ARCH_OFFSET, _NUMBER_OFFSET = 4, 0


def program(machine: str = MACHINE) -> bytes:
    """The filter as an array of ``struct sock_filter``; b"" for a machine whose numbers we do not know."""
    if machine not in _ARCHITECTURES:
        return b""
    arch, table = _ARCHITECTURES[machine]
    numbers = sorted({*table.values(), *_IO_URING})
    count = len(numbers)
    rows: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, _ARCH_OFFSET),
        (_JEQ, 0, count + 3, arch),  # another ABI (32-bit): denied whole, it would bypass the list
        (_LOAD, 0, 0, _NUMBER_OFFSET),
        (_JGE, count + 1, 0, _X32_BIT),
    ]
    rows += [(_JEQ, count - position, 0, number) for position, number in enumerate(numbers)]
    rows += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _DENY)]
    return b"".join(struct.pack("=HBBI", *row) for row in rows)


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


_CODE = program()


def install() -> None:
    """Filter this process for ever; needs CAP_SYS_ADMIN or no_new_privs."""
    if not _CODE:
        return
    buffer = ctypes.create_string_buffer(_CODE, len(_CODE))
    argument = _Program(len(_CODE) // 8, ctypes.addressof(buffer))
    call("seccomp", _SET_MODE_FILTER, 0, ctypes.byref(argument), tried="install the seccomp filter")
