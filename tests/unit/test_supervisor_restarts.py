"""restartPolicy and back-off."""

from __future__ import annotations

import pytest

from nsorch.supervisor.restarts import BackOff, wanted


@pytest.mark.parametrize(
    ("policy", "code", "expected"),
    [
        ("Always", 0, True),
        ("Always", 1, True),
        ("OnFailure", 0, False),
        ("OnFailure", 137, True),
        ("Never", 0, False),
        ("Never", 1, False),
    ],
)
def test_policies(policy: str, code: int, expected: bool) -> None:
    assert wanted(policy, code) is expected


def test_waits_double_up_to_the_cap() -> None:
    back_off = BackOff()
    assert [back_off.next(1.0) for _ in range(9)] == [0, 10, 20, 40, 80, 160, 300, 300, 300]


def test_a_long_run_forgets_the_past() -> None:
    back_off = BackOff()
    for _ in range(5):
        back_off.next(1.0)
    assert back_off.next(599.0) == 160
    assert back_off.next(600.0) == 0
    assert back_off.next(1.0) == 10


def test_a_new_plan_forgets_the_past() -> None:
    back_off = BackOff(base=1.0, cap=4.0)
    assert [back_off.next(0.0) for _ in range(5)] == [0, 1, 2, 4, 4]
    back_off.forget()
    assert back_off.next(0.0) == 0


def test_very_many_ends_do_not_overflow() -> None:
    back_off = BackOff(ends=100_000)
    assert back_off.next(0.0) == 300
