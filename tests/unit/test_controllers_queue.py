"""The work queue: deduplication, delays by deadline, back-off."""

from __future__ import annotations

import asyncio

import pytest

from nsorch.controllers.queue import WorkQueue
from nsorch.kit.clock import FakeClock


def run(scenario):
    return asyncio.run(scenario())


def test_a_waiting_key_is_queued_once():
    async def scenario():
        queue = WorkQueue(FakeClock())
        for _ in range(3):
            queue.add("a")
        assert await queue.get() == "a"
        queue.done("a")
        return queue.idle

    assert run(scenario)


def test_a_key_added_while_worked_on_comes_back_once_and_only_after_done():
    async def scenario():
        queue = WorkQueue(FakeClock())
        queue.add("a")
        assert await queue.get() == "a"
        queue.add("a")
        queue.add("a")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(queue.get(), 0)
        queue.done("a")
        assert await queue.get() == "a"
        queue.done("a")
        assert queue.idle

    run(scenario)


def test_keys_come_in_order_and_wake_a_waiting_worker():
    async def scenario():
        queue = WorkQueue(FakeClock())
        worker = asyncio.create_task(queue.get())
        await asyncio.sleep(0)
        queue.add("a")
        queue.add("b")
        assert await worker == "a"
        assert await queue.get() == "b"

    run(scenario)


def test_the_earliest_of_several_deadlines_counts():
    async def scenario():
        clock = FakeClock()
        queue = WorkQueue(clock)
        queue.add_after("a", 30)
        queue.add_after("a", 10)
        queue.add_after("a", 20)
        clock.advance(9.9)
        queue.promote()
        assert queue.idle
        clock.advance(0.2)
        queue.promote()
        assert await queue.get() == "a"
        queue.done("a")
        clock.advance(100)
        queue.promote()
        assert queue.idle
        queue.close()

    run(scenario)


def test_failures_double_the_delay_up_to_a_bound_and_forget_starts_afresh():
    async def scenario():
        queue = WorkQueue(FakeClock(), base_backoff=1, max_backoff=5)
        delays = [queue.add_rate_limited("a") for _ in range(5)]
        queue.forget("a")
        delays.append(queue.add_rate_limited("a"))
        queue.close()
        return delays

    assert run(scenario) == [1, 2, 4, 5, 5, 1]


def test_a_cancelled_worker_loses_no_key():
    async def scenario():
        queue = WorkQueue(FakeClock())
        first = asyncio.create_task(queue.get())
        second = asyncio.create_task(queue.get())
        await asyncio.sleep(0)
        queue.add("a")
        first.cancel()
        assert await asyncio.wait_for(second, 1) == "a"

    run(scenario)


def test_a_real_deadline_wakes_without_polling():
    async def scenario():
        from nsorch.kit.clock import SystemClock

        queue = WorkQueue(SystemClock())
        queue.add_after("a", 0.001)
        return await asyncio.wait_for(queue.get(), 5)

    assert run(scenario) == "a"
