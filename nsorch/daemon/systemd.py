"""The systemd unit of the daemon: its text, and putting it in place.

``python -m nsorch.daemon.systemd install|uninstall [--no-start] [--root DIR]`` is what ``nsorch system`` runs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from nsorch.kit.files import write_atomic
from nsorch.kit.paths import DEFAULT_ROOT, Paths

UNITS = Path("/etc/systemd/system")
RUNNING = Path("/run/systemd/system")
"""Exists exactly while systemd is the init of this host, sd_booted(3)."""
WATCHDOG_SECONDS = 30

TEMPLATE = """\
[Unit]
Description=nsorch: Kubernetes on one Linux host
Wants=network-online.target
After=network-online.target local-fs.target time-sync.target
# a host that cannot run it now may be able to in a second: never give up
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
# Pods outlive the daemon: a stop or restart ends the main process only
KillMode=process
# the daemon makes cgroups of its own
Delegate=yes
Restart=always
RestartSec=1
WatchdogSec={watchdog}
TimeoutStartSec=90
TimeoutStopSec=30
LimitNOFILE=1048576
LimitNPROC=infinity
TasksMax=infinity
# killed by the kernel last: without it nothing is healed
OOMScoreAdjust=-900
UMask=0077
{runtime}Environment=PYTHONUNBUFFERED=1

[Install]
WantedBy=multi-user.target
"""

RUNTIME = """\
RuntimeDirectory=nsorch
RuntimeDirectoryMode=0700
# sockets of living Pods are in there
RuntimeDirectoryPreserve=yes
"""


class ServiceError(Exception):
    """The unit cannot be put in place or removed; the message says why and what to do."""


def unit_name(paths: Paths) -> str:
    """``nsorch.service``; another root has a name of its own."""
    return f"{paths.instance}.service"


def unit_text(paths: Paths, python: str, arguments: Sequence[str] = ()) -> str:
    """The unit that runs the daemon of ``paths`` with the interpreter ``python``; ``arguments`` are for the daemon."""
    command = [python, "-m", "nsorch.daemon", "--root", str(paths.root), *arguments]
    return TEMPLATE.format(
        command=" ".join(_quote(word) for word in command),
        watchdog=WATCHDOG_SECONDS,
        runtime=RUNTIME if paths.root == DEFAULT_ROOT else "",
    )


def install(paths: Paths, *, python: str = sys.executable, units: Path = UNITS, start: bool = True) -> str:
    """Write the unit, enable and start it; a sentence that says what was done. Harmless when repeated."""
    _check()
    if not units.is_dir():
        raise ServiceError(f"cannot install the service: {units} is not there; nsorch needs systemd for this")
    unit = units / unit_name(paths)
    text = unit_text(paths, python)
    changed = not unit.exists() or unit.read_text() != text
    write_atomic(unit, text, mode=0o644, durable=True)
    if not RUNNING.is_dir():
        return f"wrote {unit}; systemd is not running here, so nothing was started (run: nsorch up)"
    _systemctl("daemon-reload")
    if not start:
        return f"wrote {unit}; start it with: systemctl enable --now {unit.stem}"
    _systemctl("enable", unit.name)
    # a restart is as harmless as a start: Pods do not notice
    _systemctl("restart" if changed else "start", unit.name)
    return f"wrote {unit}; {unit.stem} is running and starts with the host"


def uninstall(paths: Paths, *, units: Path = UNITS) -> str:
    """Stop the daemon and remove its unit; Pods and state stay. Harmless when repeated."""
    _check()
    unit = units / unit_name(paths)
    if not unit.exists():
        return f"nothing to do: {unit} is not there"
    if RUNNING.is_dir():
        _systemctl("disable", "--now", unit.name)
    unit.unlink()
    if RUNNING.is_dir():
        _systemctl("daemon-reload")
    return f"removed {unit}; Pods that run go on, and {paths.root} stays (nsorch up, then nsorch down, ends them)"


def _check() -> None:
    if os.geteuid() != 0:
        raise ServiceError("cannot change the host's services: it needs root (sudo nsorch system ...)")


def _systemctl(*words: str) -> None:
    program = shutil.which("systemctl")
    if program is None:
        raise ServiceError("cannot reach systemd: systemctl is missing (apt-get install systemd)")
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ServiceError(f"systemctl {' '.join(words)} failed: {done.stderr.strip() or done.returncode}")


def _quote(word: str) -> str:
    """One word of ExecStart, systemd.service(5): ``%`` and ``$`` are special, quotes hold words together."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if any(sign in escaped for sign in " \t'\";\\") else escaped


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="nsorch system")
    parser.add_argument("action", choices=("install", "uninstall"))
    parser.add_argument("--no-start", action="store_true")
    parser.add_argument("--root")
    told = parser.parse_args(argv)
    paths = Paths.at(told.root)
    try:
        print(install(paths, start=not told.no_start) if told.action == "install" else uninstall(paths))
    except (ServiceError, OSError) as error:
        print(f"nsorch system: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
