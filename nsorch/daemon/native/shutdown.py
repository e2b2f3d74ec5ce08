"""``POST /nsorch/v1/shutdown``: stop the daemon, with or without the Pods (what ``nsorch down`` sends)."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable

from aiohttp import web

from nsorch.api.failures import bad_request


class ShutdownRoute:
    """Answers one ``{"message": ...}`` a line; the last carries the ``pid`` that is about to end.

    ``stop_pods(grace)`` stops every Pod and removes what they used, and tells its progress; ``leave`` ends the daemon.
    """

    def __init__(self, stop_pods: Callable[[int], AsyncIterator[str]], leave: Callable[[], None]) -> None:
        self._stop_pods = stop_pods
        self._leave = leave

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/nsorch/v1/shutdown", self.shutdown)]

    async def shutdown(self, request: web.Request) -> web.StreamResponse:
        try:
            body = await request.json()
            keep, grace = bool(body.get("keepPods")), int(body.get("graceSeconds", 30))
        except (ValueError, AttributeError, TypeError) as error:
            raise bad_request(f"cannot read the request: {error}") from error
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)

        async def tell(**line: object) -> None:
            with contextlib.suppress(ConnectionError):  # a client that has gone must not stop the shutdown
                await response.write(json.dumps(line).encode() + b"\n")

        if not keep:
            async for message in self._stop_pods(grace):
                await tell(message=message)
        await tell(message="stopping the daemon" + (", Pods go on" if keep else ""), pid=os.getpid())
        with contextlib.suppress(ConnectionError):
            await response.write_eof()
        self._leave()
        return response
