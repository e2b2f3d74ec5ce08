"""Durations as people write and read them."""

from __future__ import annotations

import pytest

from nsorch.cli.durations import seconds, whole_seconds, words
from nsorch.cli.failure import CommandFailure


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90", 90), ("5s", 5), ("2m", 120), ("1h30m", 5400), ("1.5h", 5400), ("2d", 172800), ("250ms", 0.25), ("0", 0)],
)
def test_read(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "x", "1h 30m", "-5s", "5S", "s", "1hm", "5s!"])
def test_refused(text: str) -> None:
    with pytest.raises(CommandFailure, match="cannot read the duration") as caught:
        seconds(text)
    assert caught.value.status == 2


def test_whole_seconds_are_rounded_up() -> None:
    assert [whole_seconds(text) for text in ("250ms", "1.1s", "2s", "0")] == [1, 2, 2, 1]


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (-1, "0s"),
        (119.9, "119s"),
        (120, "2m"),
        (450, "7m30s"),
        (600, "10m"),
        (10799, "179m"),
        (10800, "3h"),
        (11100, "3h5m"),
        (36000, "10h"),
        (172800, "2d"),
        (176400, "2d1h"),
        (86400 * 8, "8d"),
        (86400 * 729, "729d"),
        (86400 * 731, "2y1d"),
        (86400 * 365 * 9, "9y"),
    ],
)
def test_ages_read_as_kubernetes_shows_them(count: float, expected: str) -> None:
    assert words(count) == expected
