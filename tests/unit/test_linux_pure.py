"""What linux/ computes before it asks the kernel."""

from __future__ import annotations

import errno
import struct

import pytest

from nsorch.linux import call, capabilities, cgroups, device_filter, netlink, seccomp

V1 = """\
24 1 0:21 / / rw - ext4 /dev/vda rw
30 24 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
32 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
33 30 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
34 30 0:30 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
"""
V2 = "30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"


def test_layouts() -> None:
    old = cgroups.parse_layout(V1)
    assert not old.unified
    assert old.roots["cpuacct"] == "/sys/fs/cgroup/cpu,cpuacct"
    assert len(old.folders) == 3
    assert cgroups.parse_layout(V2) == cgroups.Layout(True, {"": "/sys/fs/cgroup"})
    assert cgroups.parse_layout("").folders == ()


def test_capability_masks() -> None:
    assert capabilities.mask(["CAP_CHOWN", "net_admin"]) == 1 | 1 << 12
    with pytest.raises(ValueError, match="CAP_FLY"):
        capabilities.mask(["CAP_FLY"])
    assert capabilities.NAMES[40] == "CAP_CHECKPOINT_RESTORE"


def test_errors_say_what_was_tried() -> None:
    error = call.failure(errno.ENOENT, "mount a on b")
    assert isinstance(error, FileNotFoundError)
    assert call.text(error) == "cannot mount a on b: No such file or directory"
    assert call.text(FileNotFoundError(errno.ENOENT, "No such file", "/x")) == "No such file: /x"


def test_netlink_packing() -> None:
    assert netlink.attribute(3, "lo") == struct.pack("=HH", 7, 3) + b"lo\0\0"
    assert netlink.attribute(4, 1500) == struct.pack("=HHI", 8, 4, 1500)
    assert netlink.pod_mac("10.244.1.2") == bytes.fromhex("0a580af40102")
    with pytest.raises(ValueError, match="not an IPv4 address"):
        netlink.packed("nonsense")


def evaluate(code: bytes, number: int, arch: int) -> int:
    """Run the classic BPF of ``seccomp.program`` on one system call."""
    rows = [struct.unpack_from("=HBBI", code, offset) for offset in range(0, len(code), 8)]
    data = {0: number, 4: arch}
    value, at = 0, 0
    while True:
        kind, yes, no, operand = rows[at]
        at += 1
        if kind == 0x20:
            value = data[operand]
        elif kind == 0x15:
            at += yes if value == operand else no
        elif kind == 0x35:
            at += yes if value >= operand else no
        else:
            return int(operand)


@pytest.mark.parametrize(
    ("machine", "arch", "mount", "reboot"), [("x86_64", 0xC000003E, 165, 169), ("aarch64", 0xC00000B7, 40, 142)]
)
def test_the_seccomp_filter_decides_rightly(machine: str, arch: int, mount: int, reboot: int) -> None:
    code = seccomp.program(machine)
    allow, deny = 0x7FFF0000, 0x50000 | errno.EPERM
    assert evaluate(code, mount, arch) == allow
    assert evaluate(code, 0, arch) == allow
    assert evaluate(code, reboot, arch) == deny
    assert evaluate(code, 425, arch) == deny
    assert evaluate(code, 424, arch) == allow
    assert evaluate(code, mount, 0x40000003) == deny
    assert evaluate(code, 0x40000000, arch) == deny
    assert seccomp.program("unknown") == b""


def run_device_filter(code: bytes, kind: str, major: int, minor: int, access: str) -> bool:
    """Run the eBPF of ``device_filter.program``."""
    bits = sum({"m": 1, "r": 2, "w": 4}[letter] for letter in access)
    context = {0: bits << 16 | {"b": 1, "c": 2}[kind], 4: major, 8: minor}
    rows = [struct.unpack_from("=BBhi", code, offset) for offset in range(0, len(code), 8)]
    registers = [0] * 11
    at = 0
    while True:
        operation, both, offset, value = rows[at]
        target, source = both & 15, both >> 4
        at += 1
        if operation == 0x61:
            registers[target] = context[offset]
        elif operation == 0xBF:
            registers[target] = registers[source]
        elif operation == 0x57:
            registers[target] &= value
        elif operation == 0x77:
            registers[target] >>= value
        elif operation == 0xB7:
            registers[target] = value
        elif operation == 0x55:
            at += offset if registers[target] != value else 0
        else:
            return registers[0] == 1


def test_the_device_filter_decides_rightly() -> None:
    code = device_filter.program(device_filter.DEFAULT)
    assert run_device_filter(code, "c", 1, 3, "rw")
    assert run_device_filter(code, "c", 136, 99, "rwm")
    assert run_device_filter(code, "b", 8, 0, "m")
    assert not run_device_filter(code, "b", 8, 0, "r")
    assert not run_device_filter(code, "c", 1, 11, "r")
    assert not run_device_filter(code, "c", 10, 200, "rw")
    assert device_filter.line(("c", 136, -1, "rwm")) == "c 136:* rwm"
