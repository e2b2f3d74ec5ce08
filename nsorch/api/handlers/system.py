"""Version and health."""

from __future__ import annotations

import platform
import sys
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from nsorch.api import failures
from nsorch.api.call import Call
from nsorch.api.handlers import answers
from nsorch.api.settings import GIT_VERSION

Check = Callable[[], str | None]
"""Returns None where all is well, else what is wrong."""


async def version(call: Call) -> web.StreamResponse:
    """``version.Info``."""
    major, minor = GIT_VERSION.removeprefix("v").split(".")[:2]
    return answers.of_document(
        call,
        {
            "major": major,
            "minor": minor,
            "gitVersion": GIT_VERSION,
            "gitCommit": "",
            "gitTreeState": "archive",
            "buildDate": "1970-01-01T00:00:00Z",
            "goVersion": f"python{sys.version_info.major}.{sys.version_info.minor}",
            "compiler": platform.python_implementation().lower(),
            "platform": f"linux/{_architecture()}",
        },
    )


def _architecture() -> str:
    machine = platform.machine()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def health(name: str, checks: Mapping[str, Check]) -> Callable[[Call], Awaitable[web.StreamResponse]]:
    """The handler of ``/healthz``, ``/livez`` or ``/readyz`` and of ``/readyz/CHECK``.

    ``?verbose`` lists every check, ``?exclude=CHECK`` leaves one out.
    """

    async def handle(call: Call) -> web.StreamResponse:
        single = call.request.path.removeprefix(f"/{name}").strip("/")
        chosen = dict(checks)
        if single:
            if single not in checks:
                raise failures.unknown_path()
            chosen = {single: checks[single]}
        excluded = set(call.request.query.getall("exclude", []))
        lines: list[str] = []
        failed: list[str] = []
        for check, probe in chosen.items():
            if check in excluded:
                lines.append(f"[+]{check} excluded: ok")
                continue
            wrong = probe()
            if wrong:
                failed.append(check)
                lines.append(f"[-]{check} failed: {wrong}")
            else:
                lines.append(f"[+]{check} ok")
        if failed:
            return web.Response(status=500, text="\n".join([*lines, f"{name} check failed"]) + "\n")
        if "verbose" in call.request.query and not single:
            return web.Response(text="\n".join([*lines, f"{name} check passed"]) + "\n")
        return web.Response(text="ok")

    return handle
