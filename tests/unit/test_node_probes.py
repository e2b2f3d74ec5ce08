"""When probes are due and what their results mean; HTTP, TCP and gRPC attempts over loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from nsorch.node.probes.grpc import probe_grpc
from nsorch.node.probes.http import new_session, probe_http, probe_tcp
from nsorch.node.probes.schedule import Schedule
from tests.support.loops import on_a_loop


def test_readiness_needs_its_thresholds_in_a_row() -> None:
    schedule = Schedule("readiness", 100.0, initial_delay=5, period=10, success_threshold=2, failure_threshold=2)
    assert (schedule.verdict, schedule.due) == (False, 105.0)
    assert schedule.record(True, 105.0) is None
    assert schedule.due == 115.0
    assert schedule.record(False, 115.0) is None
    assert schedule.record(True, 125.0) is None
    assert schedule.record(True, 135.0) is True
    assert schedule.record(False, 145.0) is None
    assert schedule.verdict is True
    assert schedule.record(False, 155.0) is False
    assert not schedule.held


def test_liveness_begins_as_passed_and_holds_after_failing() -> None:
    schedule = Schedule("liveness", 0.0, period=3, failure_threshold=3)
    assert schedule.verdict is True
    assert [schedule.record(False, at) for at in (0.0, 3.0, 6.0)] == [None, None, False]
    assert schedule.held


def test_startup_holds_once_it_has_passed() -> None:
    schedule = Schedule("startup", 0.0, period=1, failure_threshold=3)
    assert schedule.verdict is None
    assert schedule.record(False, 0.0) is None
    assert schedule.record(True, 1.0) is True
    assert schedule.held


def test_a_late_probe_does_not_bring_a_burst_of_probes() -> None:
    schedule = Schedule("liveness", 0.0, period=1)
    schedule.record(True, 7.5)
    assert schedule.due == 8.0


def test_early_probes_find_a_slow_starter_soon_and_their_failures_do_not_count() -> None:
    schedule = Schedule("readiness", 0.0, period=10, failure_threshold=1, eager=True)
    assert schedule.due == 0.0
    times = []
    while schedule.due < 0.4:
        now = schedule.due
        times.append(now)
        assert not schedule.counts
        assert schedule.record(False, now) is None
    assert times == pytest.approx([0.0, 0.05, 0.15, 0.35])
    assert schedule.record(True, schedule.due) is True
    assert schedule.due == pytest.approx(10.75)


def test_failures_count_once_the_regular_rhythm_has_begun() -> None:
    schedule = Schedule("readiness", 0.0, period=10, eager=True)
    while not schedule.counts:
        schedule.record(False, schedule.due)
    assert schedule.due == 1.0


@on_a_loop
async def test_http_codes_redirects_and_headers() -> None:
    seen: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(request.headers.get("X-Probe", "") + " " + request.headers["User-Agent"])
        match request.path:
            case "/ok":
                return web.Response(text="fine")
            case "/redirect":
                raise web.HTTPFound("/ok")
            case "/elsewhere":
                raise web.HTTPFound("http://192.0.2.1/")
            case _:
                return web.Response(status=503)

    async def attempt(base: str) -> None:
        async with new_session() as session:
            ok = await probe_http(session, base + "/ok?q=%2F", [("X-Probe", "yes")], 2.0)
            assert ok.passed
            assert (await probe_http(session, base + "/redirect", [], 2.0)).passed
            assert (await probe_http(session, base + "/elsewhere", [], 2.0)).passed
            bad = await probe_http(session, base + "/bad", [], 2.0)
            assert (bad.passed, bad.output) == (False, "HTTP probe failed with statuscode: 503")
            refused = await probe_http(session, "http://127.0.0.1:1/", [], 2.0)
            assert "connection refused" in refused.output

    await _serving(handle, attempt)
    assert seen[0] == "yes kube-probe/1.33"


@on_a_loop
async def test_http_gives_up_after_its_timeout() -> None:
    async def handle(request: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    async def attempt(base: str) -> None:
        async with new_session() as session:
            outcome = await probe_http(session, base + "/", [], 0.05)
            assert "context deadline exceeded" in outcome.output

    await _serving(handle, attempt)


@on_a_loop
async def test_tcp() -> None:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert (await probe_tcp("127.0.0.1", port, 1.0)).passed
    server.close()
    await server.wait_closed()
    outcome = await probe_tcp("127.0.0.1", port, 1.0)
    assert outcome.output == f"dial tcp 127.0.0.1:{port}: connect: connection refused"


@pytest.mark.parametrize(("status", "passed"), [(1, True), (2, False)])
@on_a_loop
async def test_grpc(status: int, passed: bool) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(24)
        message = bytes((0, 0, 0, 0, 2, 8, status))
        writer.write(bytes(3) + bytes((4, 0)) + bytes(4))
        writer.write(len(message).to_bytes(3, "big") + bytes((0, 0)) + (1).to_bytes(4, "big") + message)
        await writer.drain()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    outcome = await probe_grpc("127.0.0.1", server.sockets[0].getsockname()[1], "", 2.0)
    server.close()
    assert outcome.passed is passed


async def _serving(
    handle: Callable[[web.Request], Awaitable[web.StreamResponse]], attempt: Callable[[str], Awaitable[None]]
) -> None:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        await attempt(f"http://127.0.0.1:{runner.addresses[0][1]}")
    finally:
        await runner.cleanup()
