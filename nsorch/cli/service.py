"""The systemd unit of an instance, as far as ``up`` and ``down`` must know of it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from nsorch.cli.failure import CommandFailure
from nsorch.kit.paths import Paths

UNITS = Path("/etc/systemd/system")
RUNNING = Path("/run/systemd/system")
"""Exists exactly while systemd is the init of this host, sd_booted(3)."""


def installed(paths: Paths) -> str:
    """The name of the unit that runs this root, ``nsorch.service``; "" without one or without systemd."""
    name = f"{paths.instance}.service"
    return name if RUNNING.is_dir() and (UNITS / name).exists() else ""


def active(paths: Paths) -> str:
    """The unit's name if systemd runs it, and would start the daemon again after it ended."""
    name = installed(paths)
    if not name:
        return ""
    done = subprocess.run(["systemctl", "is-active", name], capture_output=True, text=True, check=False)
    return name if done.stdout.strip() in ("active", "activating", "reloading") else ""


def systemctl(*words: str) -> None:
    """Run ``systemctl``; CommandFailure with its own words."""
    done = subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandFailure(f"systemctl {' '.join(words)} failed: {done.stderr.strip() or done.returncode}")
