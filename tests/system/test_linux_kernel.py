"""linux/ against the real kernel; needs root."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsorch.linux import capabilities, cgroups, device_filter, mounts, namespaces

UNIFIED = Path("/sys/fs/cgroup/unified")


@pytest.fixture
def group() -> Iterator[cgroups.Group]:
    parent = cgroups.Group(f"nsorch-test-{uuid.uuid4().hex[:8]}")
    yield parent.child("a")
    assert parent.destroy()


def in_child(code: str) -> str:
    """Run Python code in a process of its own (what it does to itself cannot be undone)."""
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=30).stdout


def test_a_group_lives_and_dies(group: cgroups.Group) -> None:
    group.create()
    group.create()
    group.limit(pids_limit=17, memory_limit_bytes=32 << 20, cpu_request_milli=100, cpu_limit_milli=1500)
    process = subprocess.Popen(["sleep", "1000"])
    group.attach(process.pid)
    assert group.processes() == {process.pid}
    assert group.name.rpartition("/")[2] in cgroups.children(group.name.rpartition("/")[0])
    assert not group.remove()
    group.kill()
    assert process.wait() == -9
    assert group.oom_kills() == 0
    with pytest.raises(OSError, match="cannot write"):
        group.put("pids", "pids.max", "nonsense")


def test_a_group_that_is_not_there(group: cgroups.Group) -> None:
    assert group.processes() == set()
    assert group.kill() == 0
    assert group.remove()


def test_warming_changes_nothing() -> None:
    before = Path("/proc/self/cgroup").read_text()
    cgroups.warm()
    assert Path("/proc/self/cgroup").read_text() == before


@pytest.mark.skipif(
    not (UNIFIED / "cgroup.procs").exists() and not cgroups.layout().unified, reason="no version 2 hierarchy"
)
def test_the_version_2_device_filter() -> None:
    root = UNIFIED if (UNIFIED / "cgroup.procs").exists() else Path(cgroups.ROOT)
    folder = root / f"nsorch-test-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    try:
        device_filter.attach(str(folder), everything=False)
        script = (
            f"echo 0 > {folder}/cgroup.procs; head -c1 /dev/zero | wc -c; head -c1 /dev/kmsg 2>&1 | grep -c permitted"
        )
        found = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
        assert found.stdout.split() == ["1", "1"]
    finally:
        folder.rmdir()


def test_unshare_and_names() -> None:
    code = (
        "import os; from nsorch.linux import namespaces as n; before=os.readlink('/proc/self/ns/uts');"
        "n.unshare(n.CLONE_NEWUTS); n.sethostname('elsewhere'); print(os.uname().nodename,"
        "before != os.readlink('/proc/self/ns/uts'))"
    )
    before = os.uname().nodename
    assert in_child(code) == "elsewhere True\n"
    assert os.uname().nodename == before
    with pytest.raises(OSError, match="cannot enter net namespaces"):
        namespaces.setns(0, namespaces.CLONE_NEWNET)


def test_capabilities_of_this_process() -> None:
    effective, permitted, _ = capabilities.capget()
    assert effective & ~permitted == 0
    assert capabilities.bounding() & 1 << capabilities.NUMBERS["CAP_SYS_ADMIN"]


def test_title() -> None:
    code = (
        "import sys; from nsorch.linux import process as p; p.set_title('a title of its own');"
        "print(open('/proc/self/cmdline').read().rstrip(chr(0)))"
    )
    assert in_child(code) == "a title of its own\n"


def test_mount_errors_name_the_place() -> None:
    with pytest.raises(FileNotFoundError, match="cannot mount tmpfs on /no/such/place"):
        mounts.mount("tmpfs", "/no/such/place", "tmpfs")
