"""The systemd unit, checked by systemd itself."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nsorch.daemon import systemd
from nsorch.kit.paths import Paths


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "nsorch.service"
    unit.write_text(systemd.unit_text(Paths.at(tmp_path / 'odd "$HOME" 100% root'), sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    complaints = [line for line in done.stderr.splitlines() if "nsorch" in line]
    assert not complaints
    assert done.returncode == 0, done.stderr


def test_pods_survive_a_restart_of_the_daemon() -> None:
    text = systemd.unit_text(Paths.at("/var/lib/nsorch"), "/opt/nsorch/bin/python")
    for line in (
        "Type=notify",
        "NotifyAccess=main",
        "KillMode=process",
        "Delegate=yes",
        "Restart=always",
        "RuntimeDirectoryPreserve=yes",
        "ExecStart=/opt/nsorch/bin/python -m nsorch.daemon --root /var/lib/nsorch",
    ):
        assert line in text.splitlines()


def test_another_root_has_another_unit_and_keeps_out_of_run_nsorch() -> None:
    other = Paths.at("/srv/second")
    assert systemd.unit_name(other) != systemd.unit_name(Paths.at("/var/lib/nsorch")) == "nsorch.service"
    assert "RuntimeDirectory=" not in systemd.unit_text(other, "/usr/bin/python3")


def test_install_and_uninstall_can_be_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd, "RUNNING", tmp_path / "no-systemd")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    paths = Paths.at(tmp_path / "root")
    for _ in range(2):
        said = systemd.install(paths, units=tmp_path)
        assert "systemd is not running here" in said
    unit = tmp_path / systemd.unit_name(paths)
    assert unit.read_text() == systemd.unit_text(paths, sys.executable)
    assert "removed" in systemd.uninstall(paths, units=tmp_path)
    assert not unit.exists()
    assert "nothing to do" in systemd.uninstall(paths, units=tmp_path)


def test_without_systemd_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    with pytest.raises(systemd.ServiceError, match="needs systemd"):
        systemd.install(Paths.at(tmp_path), units=tmp_path / "missing")
