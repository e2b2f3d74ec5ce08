"""What a Pod could leave behind, to be compared before and after."""

from __future__ import annotations

import os
from pathlib import Path

from nsorch.linux import cgroups


def mounts_below(folder: Path) -> list[str]:
    """Mount points below ``folder`` in our own mount namespace."""
    text = Path("/proc/self/mountinfo").read_text()
    return [line.split()[4] for line in text.splitlines() if line.split()[4].startswith(str(folder))]


def processes_of(folder: Path) -> list[int]:
    """Pids whose mount namespace has something of ``folder`` mounted (their own root counts)."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if str(folder) in Path(f"/proc/{name}/mountinfo").read_text():
                    found.append(int(name))
            except OSError:
                continue
    return found


def groups_of(instance: str) -> list[str]:
    """Folders of the cgroup ``instance`` and below, in any hierarchy."""
    return [str(path) for root in cgroups.layout().folders for path in Path(root, instance).rglob("*") if path.is_dir()]
