"""The placement flag of a folder."""

from __future__ import annotations

from pathlib import Path

from nsorch.linux.placement import spread_subfolders


def test_it_may_be_told_again_and_changes_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    told = spread_subfolders(tmp_path)
    assert spread_subfolders(tmp_path) == told
    (tmp_path / "after").mkdir()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["after", "before"]


def test_other_filesystems_need_not_know_it() -> None:
    assert spread_subfolders("/proc") is False
