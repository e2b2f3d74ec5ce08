"""Watches over HTTP, as informers and kubectl use them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from nsorch.resources import ConfigMap
from nsorch.resources.client import Change
from nsorch.store.journal import PROGRESS
from tests.support.api import Cluster, cluster, configmap, pod
from tests.support.loops import on_a_loop

CORE = "/api/v1/namespaces/default"
MERGE = "application/merge-patch+json"
STREAMING = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"


@asynccontextmanager
async def watching(api: Cluster, path: str, accept: str = "application/json") -> AsyncIterator[Any]:
    """Gives a function that waits for the next event, None at the end of the watch."""
    async with api.session.get(f"http://nsorch{path}", headers={"Accept": accept}) as response:
        assert response.status == 200, await response.text()

        async def following() -> Any:
            line = await response.content.readline()
            return json.loads(line) if line else None

        yield following


def told(event: Any) -> tuple[str, str]:
    return event["type"], event["object"]["metadata"]["name"]


async def label(api: Cluster, name: str, value: str | None) -> None:
    patch = {"metadata": {"labels": {"on": value}}}
    assert (await api.call("PATCH", f"{CORE}/configmaps/{name}", patch, type=MERGE)).code == 200


@on_a_loop
async def test_existing_objects_then_changes(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        await api.call("POST", f"{CORE}/configmaps", configmap("a"))
        async with watching(api, f"{CORE}/configmaps?watch=true") as following:
            assert told(await following()) == ("ADDED", "a")
            await label(api, "a", "yes")
            assert told(await following()) == ("MODIFIED", "a")
            deleted = (await api.call("DELETE", f"{CORE}/configmaps/a")).code
            event = await following()
            assert deleted == 200
            assert told(event) == ("DELETED", "a")
            assert int(event["object"]["metadata"]["resourceVersion"]) == api.store.revision


@on_a_loop
async def test_a_list_and_a_watch_from_its_version_miss_nothing(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        await api.call("POST", f"{CORE}/configmaps", configmap("a"))
        version = (await api.call("GET", f"{CORE}/configmaps")).body["metadata"]["resourceVersion"]
        await api.call("POST", f"{CORE}/configmaps", configmap("b"))
        async with watching(api, f"{CORE}/configmaps?watch=1&resourceVersion={version}") as following:
            assert told(await following()) == ("ADDED", "b")


@on_a_loop
async def test_a_streaming_list_ends_with_an_annotated_bookmark(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        await api.call("POST", f"{CORE}/configmaps", configmap("a"))
        async with watching(api, f"{CORE}/configmaps?{STREAMING}") as following:
            assert told(await following()) == ("ADDED", "a")
            mark = await following()
            assert mark["type"] == "BOOKMARK"
            assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
            assert mark["object"]["metadata"]["resourceVersion"] == str(api.store.revision)
            await api.call("POST", f"{CORE}/configmaps", configmap("b"))
            assert told(await following()) == ("ADDED", "b")
        bad = await api.call("GET", f"{CORE}/configmaps?watch=1&sendInitialEvents=true")
        assert bad.code == 422


@on_a_loop
async def test_a_selector_sees_objects_come_and_go(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        await api.call("POST", f"{CORE}/configmaps", configmap("a"))
        version = api.store.revision
        path = f"{CORE}/configmaps?watch=1&labelSelector=on%3Dyes&resourceVersion={version}"
        async with watching(api, path) as following:
            await label(api, "a", "no")
            await label(api, "a", "yes")
            appeared = await following()
            assert told(appeared) == ("ADDED", "a")
            await api.call("PATCH", f"{CORE}/configmaps/a", {"data": {"x": "y"}}, type=MERGE)
            assert told(await following()) == ("MODIFIED", "a")
            await label(api, "a", None)
            vanished = await following()
            assert told(vanished) == ("DELETED", "a")
            assert vanished["object"]["metadata"]["labels"] == {"on": "yes"}, "its last state that matched"
            assert int(vanished["object"]["metadata"]["resourceVersion"]) == api.store.revision
            await api.call("DELETE", f"{CORE}/configmaps/a")
            await api.call("POST", f"{CORE}/configmaps", configmap("b"))
            await label(api, "b", "yes")
            assert told(await following()) == ("ADDED", "b")


@on_a_loop
async def test_fields_select_too(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        path = "/api/v1/pods?watch=1&fieldSelector=spec.nodeName%3Dnode-1,metadata.name%3Dright"
        async with watching(api, path) as following:
            await api.call("POST", f"{CORE}/pods", pod("wrong"))
            await api.call("POST", f"{CORE}/pods", pod("right"))
            assert told(await following()) == ("ADDED", "right")


@on_a_loop
async def test_an_old_version_is_expired(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        api.store.journal.max_changes = 10
        await api.call("POST", f"{CORE}/configmaps", configmap("a"))
        version = api.store.revision
        async with watching(api, f"{CORE}/configmaps?watch=1&resourceVersion={version}"):
            for number in range(30):
                await label(api, "a", str(number))
        async with watching(api, f"{CORE}/configmaps?watch=1&resourceVersion={version}") as following:
            gone = await following()
            assert await following() is None
        assert gone["type"] == "ERROR"
        assert (gone["object"]["code"], gone["object"]["reason"]) == (410, "Expired")
        assert gone["object"]["message"].startswith(f"too old resource version: {version} (")


@on_a_loop
async def test_a_watch_ends_at_its_timeout_with_a_bookmark(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        path = (
            f"{CORE}/configmaps?watch=1&timeoutSeconds=1&allowWatchBookmarks=true&resourceVersion={api.store.revision}"
        )
        async with watching(api, path) as following:
            await api.call("POST", f"{CORE}/secrets", {"metadata": {"name": "other"}})
            mark = await following()
            assert (mark["type"], mark["object"]["kind"]) == ("BOOKMARK", "ConfigMap")
            assert mark["object"]["metadata"]["resourceVersion"] == str(api.store.revision)
            assert await following() is None


@on_a_loop
async def test_a_quiet_watch_is_told_when_the_journal_has_moved_far_on(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        path = f"{CORE}/secrets?watch=1&allowWatchBookmarks=true&resourceVersion={api.store.revision}"
        async with watching(api, path) as following:
            await asyncio.gather(
                *(
                    api.client.create(ConfigMap.from_dict({"metadata": {"name": f"c{n}", "namespace": "default"}}))
                    for n in range(2 * PROGRESS)
                )
            )
            assert (await following())["type"] == "BOOKMARK"


@on_a_loop
async def test_events_come_in_other_shapes(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        await api.call("POST", f"{CORE}/pods", pod("a"))
        table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
        async with watching(api, f"{CORE}/pods?{STREAMING}", table) as following:
            first = await following()
            assert first["object"]["kind"] == "Table"
            assert first["object"]["columnDefinitions"][0]["name"] == "Name"
            assert first["object"]["rows"][0]["cells"][0] == "a"
            assert (await following())["object"]["kind"] == "Table"
            await api.call("POST", f"{CORE}/pods", pod("b"))
            assert (await following())["object"]["columnDefinitions"] is None
        partial = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
        async with watching(api, f"{CORE}/pods?watch=1", partial) as following:
            event = await following()
            assert event["object"]["kind"] == "PartialObjectMetadata"
            assert "spec" not in event["object"]


@on_a_loop
async def test_a_watch_resumes_over_a_restart_of_the_daemon(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        await api.call("POST", f"{CORE}/configmaps", configmap("a"))
        version = api.store.revision
        await label(api, "a", "yes")
        await api.call("DELETE", f"{CORE}/configmaps/a")
    async with (
        cluster(tmp_path) as api,
        watching(api, f"{CORE}/configmaps?watch=1&resourceVersion={version}") as following,
    ):
        assert told(await following()) == ("MODIFIED", "a")
        assert told(await following()) == ("DELETED", "a")


@on_a_loop
async def test_stopping_the_server_ends_watches(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        async with api.session.get(f"http://nsorch{CORE}/configmaps?watch=1") as response:
            assert response.status == 200
            await api.server.stop()
        assert not api.server._open


@on_a_loop
async def test_a_client_that_reads_nothing_blocks_nobody(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        api.store.journal.max_changes = 50
        big = {"x": "y" * 200_000}
        async with api.session.get(f"http://nsorch{CORE}/configmaps?watch=1") as response:
            assert response.status == 200
            await api.call("POST", f"{CORE}/configmaps", configmap("a"))
            for number in range(150):
                patch = {"data": big | {"n": str(number)}}
                assert (await api.call("PATCH", f"{CORE}/configmaps/a", patch, type=MERGE)).code == 200
            last = b""
            async for line in response.content:
                last = line
                if b'"ERROR"' in line:
                    break
        assert json.loads(last)["object"]["reason"] == "Expired"


@on_a_loop
async def test_local_subscribers_see_what_is_there_and_what_changes(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        await api.call("POST", f"{CORE}/configmaps", configmap("a"))
        seen: list[tuple[str, str, bool]] = []

        def note(change: Change[ConfigMap]) -> None:
            seen.append((change.type, change.object.name, change.previous is not None))

        stop = api.client.subscribe(ConfigMap, note)
        await label(api, "a", "yes")
        await api.call("DELETE", f"{CORE}/configmaps/a")
        stop()
        await api.call("POST", f"{CORE}/configmaps", configmap("b"))
        assert seen == [("ADDED", "a", False), ("MODIFIED", "a", True), ("DELETED", "a", True)]
