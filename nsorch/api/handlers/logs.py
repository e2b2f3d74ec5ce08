"""``pods/log``: what a container printed, as text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from nsorch.api import failures
from nsorch.api.call import Call
from nsorch.kit.clock import parse_rfc3339
from nsorch.resources.pod import Pod
from nsorch.resources.runtime import LogOptions

REFUSAL_SECONDS = 0.25
"""How long a followed log may take to be refused before its headers go out."""


def find_pod(call: Call) -> Pod:
    """The Pod of the request, on its Node."""
    where = call.where
    pod = call.api.operations.get(where.kind, where.namespace, where.name).obj
    assert isinstance(pod, Pod)
    if not pod.spec.nodeName:
        raise failures.bad_request(f"pod {pod.name} does not have a host assigned")
    return pod


def find_container(pod: Pod, wanted: str) -> str:
    """The container asked for, or the only one; Failure 400 with the choices."""
    spec = pod.spec
    names = [container.name for container in spec.containers]
    init = [container.name for container in spec.initContainers or ()]
    ephemeral = [container.name for container in spec.ephemeralContainers or ()]
    if wanted:
        if wanted not in (*names, *init, *ephemeral):
            raise failures.bad_request(f"container {wanted} is not valid for pod {pod.name}")
        return wanted
    if len(names) == 1 and not init and not ephemeral:
        return names[0]
    default = (pod.metadata.annotations or {}).get("kubectl.kubernetes.io/default-container", "")
    if default in names:
        return default
    if len(names) == 1:
        return names[0]
    choices = f"[{' '.join(names)}]"
    message = f"a container name must be specified for pod {pod.name}, choose one of: {choices}"
    if init:
        message += f" or one of the init containers: [{' '.join(init)}]"
    raise failures.bad_request(message)


def log_options(call: Call, pod: Pod) -> LogOptions:
    """The query as options; Failure 422-like 400s on bad values."""
    since_seconds, tail, limit = call.number("sinceSeconds"), call.number("tailLines"), call.number("limitBytes")
    since_time: float | None = None
    if text := call.text("sinceTime"):
        try:
            since_time = parse_rfc3339(text)
        except ValueError:
            raise failures.bad_request(f'sinceTime: Invalid value: "{text}": must be an RFC 3339 time') from None
    if since_time is not None and since_seconds is not None:
        raise failures.bad_request("at most one of sinceTime or sinceSeconds may be specified")
    if since_seconds is not None and since_seconds < 1:
        raise failures.bad_request(f"sinceSeconds: Invalid value: {since_seconds}: must be greater than 0")
    if tail is not None and tail < 0:
        raise failures.bad_request(f"tailLines: Invalid value: {tail}: must be greater than or equal to 0")
    if limit is not None and limit < 1:
        raise failures.bad_request(f"limitBytes: Invalid value: {limit}: must be greater than 0")
    stream = call.text("stream") or "All"
    if stream not in ("All", "Stdout", "Stderr"):
        raise failures.bad_request(
            f'stream: Unsupported value: "{stream}": supported values: "All", "Stderr", "Stdout"'
        )
    return LogOptions(
        container=find_container(pod, call.text("container")),
        follow=call.flag("follow"),
        previous=call.flag("previous"),
        since_seconds=since_seconds,
        since_time=since_time,
        timestamps=call.flag("timestamps"),
        tail_lines=tail,
        limit_bytes=limit,
        stream=stream,
    )


async def log(call: Call) -> web.StreamResponse:
    """Stream it; refused before the first byte if there is nothing to read."""
    pod = find_pod(call)
    options = log_options(call, pod)
    chunks = aiter(call.api.runtime.logs(pod.namespace or "", pod.name, pod.uid, options))
    first = asyncio.ensure_future(_next(chunks))
    try:
        # A refusal comes at once and becomes a Status; a container that has not printed yet must not keep the client
        # waiting for the headers.
        done, _ = await asyncio.wait({first}, timeout=REFUSAL_SECONDS if options.follow else None)
        if done:
            first.result()
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        response.enable_chunked_encoding()
        call.announce(response)
        await response.prepare(call.request)
        chunk = await first
        while chunk is not None:
            await response.write(chunk)
            chunk = await _next(chunks)
        await response.write_eof()
        return response
    finally:
        if not first.done():
            first.cancel()
            await asyncio.wait({first})
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    try:
        return await anext(chunks)
    except StopAsyncIteration:
        return None
