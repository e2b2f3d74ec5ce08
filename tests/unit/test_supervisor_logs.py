"""CRI log files."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from nsorch.supervisor.logs import PART, LogFile, Splitter

NOW = 1_767_323_045_123_456_789


def log(folder: Path, *, max_bytes: int = 1 << 20, max_files: int = 5) -> LogFile:
    return LogFile(str(folder), 0, max_bytes=max_bytes, max_files=max_files)


def test_format(tmp_path: Path) -> None:
    found = log(tmp_path / "made")
    found.lines("stdout", [(b"one", True), (b"two", False)], NOW)
    found.lines("stderr", [(b"", True)], NOW + 1)
    assert (tmp_path / "made/0.log").read_text() == (
        "2026-01-02T03:04:05.123456789Z stdout F one\n"
        "2026-01-02T03:04:05.123456789Z stdout P two\n"
        "2026-01-02T03:04:05.123456790Z stderr F \n"
    )


def test_splitter() -> None:
    splitter = Splitter()
    assert splitter.feed(b"a\nb") == [(b"a", True)]
    assert splitter.feed(b"c\n\n") == [(b"bc", True), (b"", True)]
    assert splitter.feed(b"x" * PART) == [(b"x" * PART, False)]
    assert splitter.feed(b"\n") == [(b"", True)]
    assert splitter.feed(b"rest") == []
    assert splitter.end() == [(b"rest", True)]
    assert splitter.end() == []


@given(st.lists(st.binary(max_size=40).map(lambda data: data * 700), max_size=6))
def test_splitter_loses_nothing(chunks: list[bytes]) -> None:
    splitter = Splitter()
    parts = [part for chunk in chunks for part in splitter.feed(chunk)] + splitter.end()
    assert all(len(text) <= PART for text, _ in parts)
    joined = b"".join(text + (b"\n" if end else b"") for text, end in parts)
    whole = b"".join(chunks)
    assert joined == (whole if whole.endswith(b"\n") or not joined.endswith(b"\n") else whole + b"\n")


def test_rotation_keeps_the_newest(tmp_path: Path) -> None:
    found = log(tmp_path, max_bytes=200, max_files=3)
    for number in range(40):
        found.lines("stdout", [(f"line {number}".encode(), True)], NOW)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 3
    assert "line 39" in (tmp_path / "0.log").read_text()
    assert all(path.stat().st_size <= 250 for path in tmp_path.iterdir())


def test_a_second_life_goes_on_where_the_first_ended(tmp_path: Path) -> None:
    for text in (b"one", b"two"):
        found = log(tmp_path)
        found.lines("stdout", [(text, True)], NOW)
        found.close()
    assert len((tmp_path / "0.log").read_text().splitlines()) == 2


def test_a_full_disk_loses_output_and_says_so(tmp_path: Path) -> None:
    blocked = tmp_path / "folder"
    blocked.write_text("a file where the folder should be")
    found = log(blocked)
    found.lines("stdout", [(b"lost", True)], NOW)
    blocked.unlink()
    found.lines("stdout", [(b"kept", True)], NOW)
    lines = (blocked / "0.log").read_text().splitlines()
    assert "bytes of output lost: disk full" in lines[0]
    assert lines[1].endswith("kept")


def test_tail(tmp_path: Path) -> None:
    found = log(tmp_path)
    assert found.tail() == ""
    found.lines("stdout", [(f"line {number}".encode(), True) for number in range(100)], NOW)
    found.lines("stdout", [(b"half", False), (b"done", True)], NOW)
    assert found.tail().splitlines()[-2:] == ["line 99", "halfdone"]
    assert len(found.tail(limit=10)) == 10
