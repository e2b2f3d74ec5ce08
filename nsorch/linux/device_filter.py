"""Which devices a container may open. Version 1 has a file for it, version 2 wants an eBPF program (bpf(2)).

The program is assembled here by hand: for each rule a few instructions that jump on to the next rule when something does
not match, and ``return 1`` (allowed) when all does; ``return 0`` (EPERM) at the end.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable

from nsorch.linux.call import call

Rule = tuple[str, int, int, str]
"""Type (``c`` or ``b``), major, minor (-1 is any), access of ``rwm``."""

DEFAULT: tuple[Rule, ...] = (
    ("c", -1, -1, "m"),
    ("b", -1, -1, "m"),
    ("c", 1, 3, "rwm"),
    ("c", 1, 5, "rwm"),
    ("c", 1, 7, "rwm"),
    ("c", 1, 8, "rwm"),
    ("c", 1, 9, "rwm"),
    ("c", 5, 0, "rwm"),
    ("c", 5, 1, "rwm"),
    ("c", 5, 2, "rwm"),
    ("c", 136, -1, "rwm"),
)

BPF_PROG_LOAD, BPF_PROG_ATTACH = 5, 8
BPF_PROG_TYPE_CGROUP_DEVICE, BPF_CGROUP_DEVICE = 15, 6
_TYPES = {"b": 1, "c": 2}
_ACCESS = {"m": 1, "r": 2, "w": 4}
_LOAD_WORD, _MOVE_REGISTER, _AND, _SHIFT_RIGHT = 0x61, 0xBF, 0x57, 0x77
_MOVE, _JUMP_NOT_EQUAL, _EXIT = 0xB7, 0x55, 0x95


def line(rule: Rule) -> str:
    """``rule`` as version 1's devices.allow wants it: ``c 1:3 rwm``."""
    kind, major, minor, access = rule
    return f"{kind} {'*' if major < 0 else major}:{'*' if minor < 0 else minor} {access}"


def _instruction(code: int, target: int = 0, source: int = 0, offset: int = 0, value: int = 0) -> bytes:
    return struct.pack("=BBhi", code, target | source << 4, offset, value)


def program(rules: Iterable[Rule]) -> bytes:
    """eBPF for ``struct bpf_cgroup_dev_ctx``: access << 16 | type, major, minor (32 bits each)."""
    out = [
        _instruction(_LOAD_WORD, 2, 1, 0),  # r2 = access and type
        _instruction(_MOVE_REGISTER, 3, 2),
        _instruction(_AND, 2, value=0xFFFF),  # r2 = type
        _instruction(_SHIFT_RIGHT, 3, value=16),  # r3 = access
        _instruction(_LOAD_WORD, 4, 1, 4),  # r4 = major
        _instruction(_LOAD_WORD, 5, 1, 8),  # r5 = minor
    ]
    for kind, major, minor, access in rules:
        tests: list[tuple[int, int]] = [(2, _TYPES[kind])]
        if major >= 0:
            tests.append((4, major))
        if minor >= 0:
            tests.append((5, minor))
        refused = 7 & ~sum(_ACCESS[letter] for letter in access)
        length = len(tests) + (3 if refused else 0) + 2
        body: list[bytes] = []
        for register, value in tests:
            body.append(_instruction(_JUMP_NOT_EQUAL, register, offset=length - len(body) - 1, value=value))
        if refused:
            body.append(_instruction(_MOVE_REGISTER, 6, 3))
            body.append(_instruction(_AND, 6, value=refused))
            body.append(_instruction(_JUMP_NOT_EQUAL, 6, offset=length - len(body) - 1, value=0))
        body.append(_instruction(_MOVE, 0, value=1))
        body.append(_instruction(_EXIT))
        out.extend(body)
    out.append(_instruction(_MOVE, 0, value=0))
    out.append(_instruction(_EXIT))
    return b"".join(out)


class _Load(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_uint32),
        ("count", ctypes.c_uint32),
        ("instructions", ctypes.c_uint64),
        ("license", ctypes.c_uint64),
        ("log_level", ctypes.c_uint32),
        ("log_size", ctypes.c_uint32),
        ("log_buffer", ctypes.c_uint64),
        ("kernel_version", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
    ]


class _Attach(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in ("target", "program", "type", "flags", "replaced")]


def load(code: bytes) -> int:
    """The program's file descriptor."""
    buffer = ctypes.create_string_buffer(code, len(code))
    license = ctypes.create_string_buffer(b"Apache-2.0")
    load = _Load(
        type=BPF_PROG_TYPE_CGROUP_DEVICE,
        count=len(code) // 8,
        instructions=ctypes.addressof(buffer),
        license=ctypes.addressof(license),
    )
    return call("bpf", BPF_PROG_LOAD, ctypes.byref(load), ctypes.sizeof(load), tried="load the device filter")


def attach(path: str, *, everything: bool) -> None:
    """Filter the version 2 group at ``path``; it goes with the group. ``everything`` leaves it unfiltered."""
    if everything:
        return
    program_fd = load(program(DEFAULT))
    group = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        attach = _Attach(target=group, program=program_fd, type=BPF_CGROUP_DEVICE)
        call(
            "bpf",
            BPF_PROG_ATTACH,
            ctypes.byref(attach),
            ctypes.sizeof(attach),
            tried=f"attach the device filter to {path}",
        )
    finally:
        os.close(group)
        os.close(program_fd)
