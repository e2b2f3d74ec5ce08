"""The scripts that set up a checkout, and that install nsorch on a host (what the Vagrantfile runs)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SCRIPTS = PROJECT / "scripts"


def sh(*argv: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", *argv],
        **{"text": True, "capture_output": True, "check": False, "timeout": 300, "cwd": PROJECT, **options},
    )


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.sh")), ids=lambda path: path.name)
def test_every_script_is_plain_sh(script: Path) -> None:
    done = sh("-n", str(script))
    assert done.returncode == 0, done.stderr


def test_a_missing_package_asks_for_root() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        script = shutil.copy(SCRIPTS / "packages.sh", folder)
        as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]
        command = f". {script}; debian_packages coreutils no-such-package"
        done = subprocess.run(
            [*as_nobody, "sh", "-c", command], text=True, capture_output=True, check=False, cwd=folder, timeout=60
        )
    assert done.returncode == 1
    assert "missing: no-such-package." in done.stderr
    assert "sudo sh scripts/setup.sh" in done.stderr


def test_provision_installs_the_command_and_the_recipes(tmp_path: Path) -> None:
    # what is installed for the tests already need not be downloaded again
    prefix = tmp_path / "opt"
    subprocess.run([sys.executable, "-m", "venv", str(prefix)], check=True)
    (packages,) = (prefix / "lib").glob("python*/site-packages")
    (packages / "tests.pth").write_text(sysconfig.get_path("purelib") + "\n")
    environment = {
        **os.environ,
        "PREFIX": str(prefix),
        "BIN": str(tmp_path / "bin"),
        "SERVICE": "no",
        "DEMO": "no",
    }
    done = sh(str(SCRIPTS / "provision.sh"), env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nsorch is installed in" in done.stdout
    said = subprocess.run(
        [str(tmp_path / "bin" / "nsorch"), "version"], text=True, capture_output=True, check=True
    ).stdout
    assert said.startswith("nsorch ")
    assert (packages / "nsorch" / "daemon" / "daemon.py").is_file()
    assert (prefix / "share" / "rootfs" / "busybox" / "Containerfile").is_file()
    assert (prefix / "share" / "manifests" / "guestbook" / "web.yaml").is_file()
