"""One HTTP call on its way through a handler, and what handlers have at hand."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from nsorch.api import failures
from nsorch.api.access.user import User as User
from nsorch.api.settings import ApiSettings
from nsorch.kit.clock import Clock
from nsorch.resources.registry import Kind, Registry
from nsorch.resources.runtime import Runtime

if TYPE_CHECKING:
    from nsorch.api.operations import Operations

UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""What must not be in a header: it comes from clients, as names of unknown fields."""
WARNINGS_TOTAL = 4096
WARNING_CUT = 256
"""Characters of all warnings of a response; beyond that each is cut, and then no more are sent. As Kubernetes does."""
INTEGER = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Target:
    """What a path below ``/api`` or ``/apis`` names. ``name`` "" is the collection."""

    kind: Kind[Any]
    namespace: str | None
    name: str = ""
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Api:
    """The parts behind the handlers."""

    operations: Operations
    runtime: Runtime
    registry: Registry
    settings: ApiSettings
    clock: Clock


@dataclass(slots=True)
class Call:
    """One request. Handlers are ``async def handler(call) -> web.StreamResponse`` and raise ``Failure``."""

    request: web.Request
    api: Api
    user: User
    target: Target | None = None
    warnings: list[str] = field(default_factory=list)
    """Texts for ``Warning:`` headers of the response."""
    body: bytes | None = None
    """The request's body, once it has been read."""

    @property
    def where(self) -> Target:
        """The target; only routes of objects have one."""
        if self.target is None:
            raise failures.unknown_path()
        return self.target

    def announce(self, response: web.StreamResponse) -> None:
        """Put the warnings into the headers of a response that is about to be sent."""
        texts = [UNPRINTABLE.sub(" ", text) for text in dict.fromkeys(self.warnings)]
        if sum(map(len, texts)) > WARNINGS_TOTAL:
            texts = [text[:WARNING_CUT] for text in texts]
        left = WARNINGS_TOTAL
        for text in texts:
            left -= len(text)
            if left < 0:
                break
            quoted = text.replace("\\", "\\\\").replace('"', '\\"')
            response.headers.add("Warning", f'299 - "{quoted}"')
        self.warnings.clear()

    def text(self, key: str) -> str:
        """A query parameter, "" if absent."""
        return self.request.query.get(key, "")

    def flag(self, key: str) -> bool:
        """A boolean query parameter, as Go's strconv.ParseBool with "" and absent as false."""
        value = self.text(key)
        if value in ("1", "t", "T", "true", "TRUE", "True"):
            return True
        if value in ("", "0", "f", "F", "false", "FALSE", "False"):
            return False
        raise failures.bad_request(f'invalid query parameter {key}="{value}": must be true or false')

    def number(self, key: str) -> int | None:
        """An integer query parameter, None if absent."""
        value = self.text(key)
        if not value:
            return None
        if not INTEGER.fullmatch(value) or abs(int(value)) >= 1 << 63:
            raise failures.bad_request(f'invalid query parameter {key}="{value[:40]}": must be an integer of 64 bits')
        return int(value)
