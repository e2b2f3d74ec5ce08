"""``POST /nsorch/v1/apply``: three-way apply of one manifest (what ``nsorch apply`` sends)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web

from nsorch.api import failures
from nsorch.api.failures import Failure
from nsorch.api.operations import Operations
from nsorch.api.operations.context import Write
from nsorch.api.parsing import decode, parse_document
from nsorch.api.patch import three_way
from nsorch.resources.namespace import Namespace
from nsorch.resources.registry import Kind, Registry

MANAGER = "nsorch-apply"
ATTEMPTS = 5
"""Tries when someone else changes the object in the very same moment."""
INHABITABLE = 5.0
"""Seconds that a new Namespace's ServiceAccount is waited for."""


class ApplyRoutes:
    """Answers ``{"result": "created" | "configured" | "unchanged", "object": ...}``; refusals are a ``Status``."""

    def __init__(self, operations: Operations, registry: Registry) -> None:
        self._operations = operations
        self._registry = registry

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/nsorch/v1/apply", self.apply)]

    async def apply(self, request: web.Request) -> web.Response:
        wanted = decode(await request.read(), "application/json")
        kind = self._registry.named(str(wanted.get("apiVersion")), str(wanted.get("kind")))
        if kind is None:
            raise failures.bad_request(
                f'no matches for kind "{wanted.get("kind")}" in version "{wanted.get("apiVersion")}"'
            )
        metadata = wanted.get("metadata")
        if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
            raise failures.bad_request("cannot apply an object without metadata.name (generateName: use create)")
        namespace = (
            (metadata.get("namespace") or request.query.get("namespace") or "default") if kind.namespaced else None
        )
        write = Write(dry_run=request.query.get("dryRun") == "All", manager=MANAGER)
        assumed = set(request.query.getall("assumeNamespace", ())) if write.dry_run else set()
        for attempt in range(ATTEMPTS):
            try:
                if namespace in assumed and self._operations.store.latest("namespaces", None, namespace) is None:
                    result, body = "created", self._checked(kind, namespace, wanted)
                else:
                    result, body = await self._once(kind, namespace, metadata["name"], wanted, write)
                break
            except Failure as failure:
                if failure.code != 409 or attempt == ATTEMPTS - 1:
                    raise
        if result == "created" and kind.model is Namespace and not write.dry_run:
            await self._inhabitable(metadata["name"])
        return web.json_response({"result": result, "object": json.loads(body)})

    def _checked(self, kind: Kind[Any], namespace: str | None, wanted: dict[str, Any]) -> bytes:
        """Default and validate what would go into a Namespace that the same dry run would make first."""
        obj, _ = parse_document(kind, three_way.annotated(wanted), "Strict")
        obj.metadata.namespace = namespace
        kind.default(obj)
        kind.prepare_create(obj)
        if causes := kind.validate(obj):
            raise failures.invalid(kind, obj.name, causes)
        body: bytes = obj.to_json()
        return body

    async def _inhabitable(self, namespace: str) -> None:
        """Return when the new Namespace has the ServiceAccount that Pods need: they may be next in the same manifest."""
        store = self._operations.store
        changed = asyncio.Event()
        leave = store.subscribe("serviceaccounts", lambda _: changed.set())
        try:
            async with asyncio.timeout(INHABITABLE):
                while store.get("serviceaccounts", namespace, "default") is None:
                    await changed.wait()
                    changed.clear()
        except TimeoutError:
            pass  # Pods will be told themselves what is missing
        finally:
            leave()

    async def _once(
        self, kind: Kind[Any], namespace: str | None, name: str, wanted: dict[str, Any], write: Write
    ) -> tuple[str, bytes]:
        record = self._operations.store.latest(kind.resource, namespace, name)
        if record is None:
            obj, _ = parse_document(kind, three_way.annotated(wanted), "Strict")
            obj.metadata.namespace = namespace
            return "created", (await self._operations.create(kind, namespace, obj, write)).body
        live = json.loads(record.body)
        parse_document(
            kind, three_way.annotated(wanted), "Strict"
        )  # unknown fields are the manifest's, not the merge's
        merged = three_way.apply(kind.model, live, wanted)
        obj, _ = parse_document(kind, merged)
        obj.metadata.resourceVersion = str(record.revision)
        updated = await self._operations.update(kind, namespace, name, obj, write)
        if write.dry_run:
            same = _meaning(json.loads(updated.body)) == _meaning(json.loads(record.body))
        else:
            same = updated.revision == record.revision
        return ("unchanged" if same else "configured"), updated.body


def _meaning(body: dict[str, Any]) -> dict[str, Any]:
    """An object without the bookkeeping of who wrote it."""
    metadata = {k: v for k, v in body["metadata"].items() if k not in ("managedFields", "resourceVersion")}
    return {**body, "metadata": metadata}
