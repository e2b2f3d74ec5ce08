"""Update of an object by way of one of its parts: as a whole, its status, its ephemeral containers."""

from __future__ import annotations

from typing import Any

from nsorch.api import failures
from nsorch.api.operations.context import DEFAULT, Context, Write
from nsorch.api.operations.pods import add_containers
from nsorch.api.operations.update import update, update_status
from nsorch.resources.meta import Resource
from nsorch.resources.registry import Kind
from nsorch.store import Record


async def update_part(
    ctx: Context,
    kind: Kind[Any],
    namespace: str | None,
    name: str,
    obj: Resource,
    write: Write = DEFAULT,
    subresource: str = "",
) -> Record:
    """Write through the subresource ("" is the object itself); Failure 405 where it takes no whole object."""
    match subresource:
        case "":
            return await update(ctx, kind, namespace, name, obj, write)
        case "status":
            return await update_status(ctx, kind, namespace, name, obj, write)
        case "ephemeralcontainers":
            return await add_containers(ctx, kind, namespace, name, obj, write)
    raise failures.method_not_allowed(subresource)
