"""Small functions around writes that several controllers make."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from nsorch.resources.client import ClientError

_T = TypeVar("_T")
CHUNK = 100
"""Writes in flight at once: enough to share commits, few enough to keep the event loop free."""


def namespace_ends(error: BaseException) -> bool:
    """Whether a creation was refused because its namespace is being deleted: nothing to retry."""
    return isinstance(error, ClientError) and error.code == 403 and "being terminated" in error.message


async def all_of(*writes: Awaitable[object]) -> None:
    """Make all writes at once (they share a commit); the first refusal is raised when all have ended.

    Refused creations in a namespace that is being deleted are passed over.
    """
    results = await asyncio.gather(*writes, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not namespace_ends(result):
            raise result


async def each(items: Iterable[_T], write: Callable[[_T], Awaitable[object]]) -> list[ClientError]:
    """``write`` every item, some at a time; returns the refusals."""
    pending = list(items)
    refused: list[ClientError] = []
    for start in range(0, len(pending), CHUNK):
        results = await asyncio.gather(
            *(write(item) for item in pending[start : start + CHUNK]), return_exceptions=True
        )
        for result in results:
            if isinstance(result, ClientError):
                refused.append(result)
            elif isinstance(result, BaseException):
                raise result
    return refused


async def gone_is_fine(deletion: Awaitable[object]) -> None:
    """Wait for a deletion; that the object is gone, or is another one by now, is what was wanted."""
    try:
        await deletion
    except ClientError as error:
        if error.code not in (404, 409):
            raise


async def there_is_fine(creation: Awaitable[object]) -> None:
    """Wait for a creation; that the object exists, or its namespace goes, is no failure."""
    try:
        await creation
    except ClientError as error:
        if error.reason != "AlreadyExists" and not namespace_ends(error):
            raise
