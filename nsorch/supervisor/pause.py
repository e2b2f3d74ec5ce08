"""PID 1 of a PID namespace that containers share: a program of a hundred bytes that only sleeps.

A fork of the supervisor would do as well, but containers with CAP_SYS_PTRACE may look into every process of their PID
namespace: into its memory (which holds what the supervisor knows, Secrets included), its root (the host's) and its open
files. This program has nothing of these: its memory is its own code, its root is empty, it holds no capability.
"""

from __future__ import annotations

import os
import struct

from nsorch.linux import capabilities, mounts, namespaces
from nsorch.linux.call import MACHINE

NAME = "nsorch-init"
_BASE = 0x400000
_HEADERS = 64 + 56
# prctl(PR_SET_NAME, name); then for ever pause(2), on aarch64 ppoll(0, 0, 0, 0); ``name`` follows the code.
_CODE = {
    "x86_64": (62, bytes.fromhex("bf0f000000 488d3510000000 b89d000000 0f05 b822000000 0f05 ebf7")),
    "aarch64": (
        183,
        struct.pack(
            "<11I",
            *(0xD28001E0, 0x10000141, 0xD28014E8, 0xD4000001),
            *(0xD2800000, 0xD2800001, 0xD2800002, 0xD2800003, 0xD2800928, 0xD4000001, 0x17FFFFFA),
        ),
    ),
}


def program(machine: str = MACHINE) -> bytes:
    """The ELF file; b"" for a machine whose instructions we do not write."""
    if machine not in _CODE:
        return b""
    number, code = _CODE[machine]
    body = code + NAME.encode() + b"\0"
    size = _HEADERS + len(body)
    identity = b"\x7fELF" + bytes([2, 1, 1, 0]) + bytes(8)
    header = identity + struct.pack("<HHIQQQIHHHHHH", 2, number, 1, _BASE + _HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x1000)
    return header + segment + body


def become(scratch: str) -> None:
    """Be that program; ``scratch`` is any folder, to mount an empty root on in a mount namespace of our own.

    Returns only on a machine for which there is none."""
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for number in range(3):
        os.dup2(null, number)
    reader = _memory_file(program())
    namespaces.unshare(namespaces.CLONE_NEWNS)
    mounts.set_propagation("/", mounts.MS_PRIVATE)
    flags = mounts.MS_RDONLY | mounts.MS_NOSUID | mounts.MS_NODEV | mounts.MS_NOEXEC
    mounts.mount("tmpfs", scratch, "tmpfs", flags, "size=0k")
    os.chdir(scratch)
    mounts.pivot_root(".", ".")
    mounts.umount2(".", mounts.MNT_DETACH)
    os.chdir("/")
    capabilities.limit_bounding(0, capabilities.bounding())
    capabilities.capset(0, 0, 0)
    if reader >= 0:
        os.execve(reader, [NAME], {})


def _memory_file(data: bytes) -> int:
    """A descriptor to execute ``data`` from; -1 for nothing."""
    if not data:
        return -1
    writer = os.memfd_create(NAME, os.MFD_CLOEXEC)
    os.write(writer, data)
    reader = os.open(f"/proc/self/fd/{writer}", os.O_RDONLY | os.O_CLOEXEC)
    os.close(writer)  # what is open for writing cannot be executed
    return reader
