"""The daemon's side of the worker process."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nsorch
from nsorch.images.config import Descriptor
from nsorch.images.errors import ImageError, Reason
from nsorch.images.load import Loaded
from nsorch.kit.logs import logger

LINE_LIMIT = 4 * 1024 * 1024
log = logger("images")


async def run_worker(request: dict[str, Any], progress: Callable[[str], None]) -> list[Loaded]:
    """Let a child process serve ``request``; ``ImageError`` if it cannot. Cancelling kills the child."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "nsorch.images.worker",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=LINE_LIMIT,
        cwd=Path(nsorch.__file__).parent.parent,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    complaint = asyncio.create_task(process.stderr.read())
    answer: dict[str, Any] = {}
    try:
        process.stdin.write(json.dumps(request).encode())
        process.stdin.close()
        async for line in process.stdout:
            answer = json.loads(line)
            if "progress" in answer:
                progress(answer["progress"])
        status = await process.wait()
        said = (await complaint).decode(errors="replace").strip()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        complaint.cancel()
    if said:
        log.warning("image worker: %s", said)
    if "error" in answer:
        raise ImageError(answer["error"]["reason"], answer["error"]["message"])
    if "result" not in answer:
        reason = said.splitlines()[-1] if said else f"it ended with status {status}"
        what: Reason = "ErrImageBuild" if request.get("op") == "build" else "ErrImageLoad"
        raise ImageError(what, f"cannot {request.get('op')} the image: the worker process died: {reason}")
    return [
        Loaded(Descriptor.read(item["manifest"], "worker: manifest"), tuple(item["references"]))
        for item in answer["result"]
    ]
