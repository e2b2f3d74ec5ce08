"""Pipe ends on the event loop, and messages between daemon and supervisor."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from nsorch.node.channel import Channel, ChannelClosed, RequestFailed
from nsorch.node.processes import process_ended, watch_process
from nsorch.node.streams import Reader, Writer
from nsorch.supervisor import wire
from tests.support.loops import on_a_loop


@on_a_loop
async def test_more_than_a_pipe_holds_goes_through() -> None:
    source, sink = os.pipe()
    reader, writer = Reader(source), Writer(sink)
    data = os.urandom(1_000_000)

    async def feed() -> None:
        await writer.write(data)
        writer.close()

    feeding = asyncio.create_task(feed())
    received = b""
    while part := await reader.read():
        received += part
    await feeding
    reader.close()
    assert received == data


@on_a_loop
async def test_closing_wakes_whoever_waits() -> None:
    source, sink = os.pipe()
    reader, writer = Reader(source), Writer(sink)
    reading = asyncio.create_task(reader.read())
    await asyncio.sleep(0)
    reader.close()
    assert await asyncio.wait_for(reading, 5) == b""
    writer.close()
    full_source, full_sink = os.pipe()
    stuck = Writer(full_sink)
    writing = asyncio.create_task(stuck.write(bytes(1_000_000)))
    await asyncio.sleep(0)
    stuck.close()
    await asyncio.wait_for(writing, 5)
    os.close(full_source)


@on_a_loop
async def test_requests_replies_events_and_the_end() -> None:
    ours, theirs = wire.pair()
    theirs.setblocking(True)
    events: list[dict[str, Any]] = []
    closed = asyncio.Event()
    channel = Channel(ours, events.append, closed.set)

    async def answer(**reply: Any) -> None:
        received = await asyncio.to_thread(wire.receive, theirs)
        assert received is not None
        wire.send(theirs, {"id": received[0]["id"], **reply})

    answering = asyncio.create_task(answer(ok=True, pid=7))
    reply = await channel.request("ping")
    await answering
    assert reply.body["pid"] == 7
    answering = asyncio.create_task(answer(ok=False, error="cannot do it: because"))
    with pytest.raises(RequestFailed, match="cannot do it: because"):
        await channel.request("stop", grace=1)
    await answering
    wire.send(theirs, {"event": "state", "state": {}})
    pending = asyncio.create_task(channel.request("never"))
    await asyncio.sleep(0)
    theirs.close()
    with pytest.raises(ChannelClosed):
        await asyncio.wait_for(pending, 5)
    await asyncio.wait_for(closed.wait(), 5)
    assert events == [{"event": "state", "state": {}}]
    with pytest.raises(ChannelClosed):
        await channel.request("ping")
    channel.post("exit")


@on_a_loop
async def test_the_end_of_somebody_elses_process() -> None:
    process = await asyncio.create_subprocess_exec("sleep", "1000")
    watched = watch_process(process.pid)
    assert not await process_ended(os.dup(watched), 0.01)
    process.kill()
    assert await process_ended(watched, 5)
    await process.wait()
    assert await process_ended(watch_process(process.pid), 5)
