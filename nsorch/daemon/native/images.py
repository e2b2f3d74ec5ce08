"""``/nsorch/v1/images``: the images on this host."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from nsorch.api.failures import Failure, bad_request
from nsorch.images.errors import ImageError
from nsorch.images.store import ImageStore
from nsorch.kit.clock import parse_rfc3339

ROOT = "/nsorch/v1/images"
Work = Callable[[Callable[[str], None]], Awaitable[str]]


class ImageRoutes:
    """Build and load answer with one JSON document a line: ``{"message": ...}`` as they go, ``{"error": ...}`` last."""

    def __init__(self, images: ImageStore) -> None:
        self._images = images

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(ROOT, self.list),
            web.post(f"{ROOT}/build", self.build),
            web.post(f"{ROOT}/load", self.load),
            web.post(f"{ROOT}/prune", self.prune),
            web.get(ROOT + "/{reference:.+}", self.inspect),
            web.delete(ROOT + "/{reference:.+}", self.remove),
        ]

    async def list(self, request: web.Request) -> web.Response:
        items = [
            {"id": image.id, "references": list(image.references), "size": image.size, "created": _epoch(image.created)}
            for image in self._images.list()
        ]
        return web.json_response({"items": items})

    async def inspect(self, request: web.Request) -> web.Response:
        try:
            return web.json_response(self._images.inspect(request.match_info["reference"]))
        except ImageError as error:
            raise _failure(error, 404) from error

    async def remove(self, request: web.Request) -> web.Response:
        try:
            force = request.query.get("force") == "true"
            removed = await self._images.remove(request.match_info["reference"], force=force)
        except ImageError as error:
            raise _failure(error, 404 if error.reason == "ErrImagePull" else 409) from error
        return web.json_response({"removed": removed})

    async def prune(self, request: web.Request) -> web.Response:
        return web.json_response({"freed": await self._images.prune()})

    async def build(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        context = Path(body["context"])

        async def work(progress: Callable[[str], None]) -> str:
            file = context / body["file"] if body.get("file") else None
            tag = body.get("tag") or ()
            image = await self._images.build(
                context,
                file,
                tag,
                progress,
                args=body.get("args"),
                target=str(body.get("target") or ""),
                no_cache=body.get("no_cache") is True,
            )
            return f"built {image.familiar} ({image.id.removeprefix('sha256:')[:12]})"

        return await _progress(request, work)

    async def load(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)

        async def work(progress: Callable[[str], None]) -> str:
            images = await self._images.load(Path(body["path"]), tag=body.get("tag") or None, progress=progress)
            return "loaded " + ", ".join(image.familiar for image in images)

        return await _progress(request, work)


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError as error:
        raise bad_request(f"cannot read the request: {error}") from error
    if not isinstance(body, dict) or not isinstance(body.get("path", body.get("context")), str):
        raise bad_request("cannot read the request: expected an object with a path")
    return body


async def _progress(request: web.Request, work: Work) -> web.StreamResponse:
    """Run ``work`` and send what it reports, line by line, as it comes."""
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await response.prepare(request)
    lines: asyncio.Queue[str | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def progress(line: str) -> None:
        loop.call_soon_threadsafe(lines.put_nowait, line)

    async def run() -> dict[str, str]:
        try:
            return {"message": await work(progress)}
        except ImageError as error:
            return {"error": error.message}
        finally:
            loop.call_soon(lines.put_nowait, None)

    task = asyncio.create_task(run())
    try:
        while (line := await lines.get()) is not None:
            await response.write(json.dumps({"message": line}).encode() + b"\n")
        await response.write(json.dumps(await task).encode() + b"\n")
        await response.write_eof()
    finally:
        task.cancel()  # who asked has gone: nobody waits for the image
    return response


def _failure(error: ImageError, code: int) -> Failure:
    return Failure(code, "NotFound" if code == 404 else "Conflict", error.message)


def _epoch(created: str) -> float | None:
    try:
        return parse_rfc3339(created)
    except ValueError:
        return None
