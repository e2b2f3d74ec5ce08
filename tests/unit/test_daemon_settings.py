"""Settings of the daemon: what is remembered, what may change, and what cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from nsorch.daemon.settings import SettingsError, parse, remember


def test_what_defines_the_cluster_is_remembered_and_cannot_change(tmp_path: Path) -> None:
    first = parse(["--root", str(tmp_path), "--pod-cidr", "10.9.0.0/16", "--api-port", "7000"])
    remember(first.paths, first.settings)
    again = parse(["--root", str(tmp_path), "--api-port", "7001"])
    assert again.settings.pod_cidr == "10.9.0.0/16"
    assert again.settings.api_port == 7001
    with pytest.raises(SettingsError, match=r"cannot change --pod-cidr from 10\.9\.0\.0/16 to 10\.8\.0\.0/16"):
        parse(["--root", str(tmp_path), "--pod-cidr", "10.8.0.0/16"])


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{nonsense", "Expecting property name"),
        ("[]", "expected an object"),
        ('{"api_port": "x"}', "api_port is 'x', expected a number"),
        ('{"pod_cidr": 5}', "pod_cidr is 5, expected text"),
    ],
)
def test_a_broken_file_is_named_with_its_remedy(tmp_path: Path, content: str, why: str) -> None:
    (tmp_path / "settings.json").write_text(content)
    with pytest.raises(SettingsError, match=rf"cannot read .*settings\.json: .*{why}.*; mend it or remove it"):
        parse(["--root", str(tmp_path)])


@pytest.mark.parametrize(
    ("option", "value", "why"),
    [
        ("--pod-cidr", "10.0.0.0/8", "choose a size"),
        ("--service-cidr", "10.244.0.0/16", "overlap"),
        ("--node-address", "x", "cannot use --node-address x"),
        ("--node-name", "Has_Capitals", "no lower-case DNS name"),
        ("--api-port", "70000", "choose 1 to 65535"),
    ],
)
def test_values_that_cannot_be_used(tmp_path: Path, option: str, value: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        parse(["--root", str(tmp_path), option, value])
