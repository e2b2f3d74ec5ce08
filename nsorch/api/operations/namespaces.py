"""The ``finalize`` subresource of Namespace: its content is gone, one finalizer less."""

from __future__ import annotations

from typing import Any

from nsorch.api import failures
from nsorch.api.operations.context import DEFAULT, Context, Write
from nsorch.api.operations.update import change, latest
from nsorch.resources.meta import Resource
from nsorch.resources.namespace import Namespace
from nsorch.resources.registry import Kind
from nsorch.store import Record


async def finalize(ctx: Context, kind: Kind[Any], name: str, given: Namespace, write: Write = DEFAULT) -> Record:
    """Replace ``spec.finalizers``; a terminating Namespace without any is removed."""
    current = latest(ctx, kind, None, name)
    version = given.metadata.resourceVersion
    if version and version != current.obj.metadata.resourceVersion:
        raise failures.conflict(kind, name)

    def take(obj: Resource) -> None:
        assert isinstance(obj, Namespace)
        obj.spec.finalizers = list(given.spec.finalizers or ()) or None

    return await change(ctx, kind, None, name, take, write, "finalize")
