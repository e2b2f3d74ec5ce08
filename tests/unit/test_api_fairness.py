"""Seats: a client's requests wait behind its own, never behind another's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from nsorch.api.failures import Failure
from nsorch.api.fairness import Fairness
from tests.support.loops import on_a_loop


def holding(fairness: Fairness, user: str, log: list[str]) -> Callable[[str, asyncio.Event], Awaitable[None]]:
    async def hold(name: str, until: asyncio.Event) -> None:
        async with fairness.seat(user, "agent"):
            log.append(name)
            await until.wait()

    return hold


async def turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@on_a_loop
async def test_seats_are_taken_in_order_and_others_are_not_kept_waiting() -> None:
    fairness, log, first, rest = Fairness(2), [], asyncio.Event(), asyncio.Event()
    noisy, quiet = holding(fairness, "noisy", log), holding(fairness, "quiet", log)
    tasks = [asyncio.ensure_future(noisy(f"n{n}", first if n < 1 else rest)) for n in range(4)]
    await turn()
    tasks.append(asyncio.ensure_future(quiet("q", rest)))
    await turn()
    assert log == ["n0", "n1", "q"]
    first.set()
    await turn()
    assert log == ["n0", "n1", "q", "n2"]
    rest.set()
    await asyncio.gather(*tasks)
    assert log[-1] == "n3"
    assert len(fairness) == 0


@on_a_loop
async def test_clients_that_give_up_lose_no_seat() -> None:
    fairness, log, until = Fairness(1), [], asyncio.Event()
    hold = holding(fairness, "u", log)
    tasks = [asyncio.ensure_future(hold(str(n), until)) for n in range(3)]
    await turn()
    tasks[1].cancel()
    until.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert log == ["0", "2"]
    assert len(fairness) == 0
    until.clear()
    tasks = [asyncio.ensure_future(hold(str(n), until)) for n in range(2)]
    await turn()
    until.set()
    tasks[0].cancel()
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert len(fairness) == 0


@on_a_loop
async def test_a_full_queue_refuses() -> None:
    fairness, until = Fairness(1, queue=1), asyncio.Event()
    hold = holding(fairness, "u", [])
    tasks = [asyncio.ensure_future(hold(str(n), until)) for n in range(2)]
    await turn()
    with pytest.raises(Failure) as refused:
        await hold("more", until)
    assert (refused.value.code, refused.value.details["retryAfterSeconds"]) == (429, 1)
    until.set()
    await asyncio.gather(*tasks)
