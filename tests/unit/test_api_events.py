"""``events.k8s.io/v1`` and ``v1`` Events are two forms of the same stored objects."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from nsorch.resources import Pod
from nsorch.resources.event import Event
from tests.support.api import Cluster, cluster, pod
from tests.support.loops import on_a_loop

CORE = "/api/v1/namespaces/default/events"
NEW = "/apis/events.k8s.io/v1/namespaces/default/events"
TIME = "2026-01-02T03:04:05.678901Z"


def report(name: str = "one", **fields: Any) -> dict[str, Any]:
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": name},
        "eventTime": TIME,
        "reportingController": "example.com/watcher",
        "reportingInstance": "watcher-1",
        "action": "Looking",
        "reason": "Seen",
        "regarding": {"kind": "Pod", "name": "web", "namespace": "default"},
        "note": "it was seen",
        "type": "Normal",
        **fields,
    }


async def made(api: Cluster, **fields: Any) -> Any:
    answer = await api.call("POST", NEW, report(**fields))
    assert answer.code == 201, answer.raw
    return answer.body


@on_a_loop
async def test_what_is_made_in_one_form_is_read_in_the_other(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        new = await made(api)
        assert (new["apiVersion"], new["note"], new["eventTime"]) == ("events.k8s.io/v1", "it was seen", TIME)
        old = (await api.call("GET", f"{CORE}/one")).body
        assert old["apiVersion"] == "v1"
        assert old["metadata"]["uid"] == new["metadata"]["uid"]
        assert old["metadata"]["resourceVersion"] == new["metadata"]["resourceVersion"]
        assert old["involvedObject"] == new["regarding"]
        assert (old["message"], old["reportingComponent"]) == ("it was seen", "example.com/watcher")
        assert "regarding" not in old
        assert (await api.call("GET", f"{NEW}/one")).body == new
        [listed] = (await api.call("GET", "/apis/events.k8s.io/v1/events")).body["items"]
        assert listed == new
        assert len(api.client.list(Event)) == 1
        deleted = await api.call("DELETE", f"{NEW}/one")
        assert deleted.body["status"] == "Success"
        assert (await api.call("GET", f"{CORE}/one")).code == 404
        assert (await api.call("GET", f"{NEW}/one")).code == 404


@on_a_loop
async def test_events_of_the_cluster_itself_have_the_new_form_too(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        await api.call("POST", "/api/v1/namespaces/default/pods", pod())
        subject = api.client.get(Pod, "default", "web")
        assert subject is not None
        api.client.event(subject, type="Warning", reason="Odd", message="it is odd", component="tester")
        old = api.client.list(Event)
        while not [event for event in old if event.reason == "Odd"]:
            await asyncio.sleep(0)
            old = api.client.list(Event)
        found = await api.call("GET", f"{NEW}?fieldSelector=reason=Odd,regarding.name=web")
        [event] = found.body["items"]
        assert (event["note"], event["deprecatedCount"], event["deprecatedSource"]["component"]) == (
            "it is odd",
            1,
            "tester",
        )
        assert event["eventTime"] == event["deprecatedFirstTimestamp"].replace("Z", ".000000Z")
        assert (await api.call("GET", f"{NEW}?fieldSelector=involvedObject.name=web")).code == 400
        table = await api.call("GET", NEW, Accept="application/json;as=Table;v=v1;g=meta.k8s.io")
        core = await api.call("GET", CORE, Accept="application/json;as=Table;v=v1;g=meta.k8s.io")
        assert [row["cells"] for row in table.body["rows"]] == [row["cells"] for row in core.body["rows"]]


@on_a_loop
async def test_series_are_counted_and_the_rest_stays(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        await made(api)
        series = {"count": 2, "lastObservedTime": TIME}
        patched = await api.call(
            "PATCH", f"{NEW}/one", {"series": series}, type="application/strategic-merge-patch+json"
        )
        assert (patched.code, patched.body["series"]) == (200, series)
        assert (await api.call("GET", f"{CORE}/one")).body["series"] == series
        put = await api.call("PUT", f"{NEW}/one", patched.body | {"series": series | {"count": 3}})
        assert put.body["series"]["count"] == 3
        stale = await api.call("PUT", f"{NEW}/one", patched.body)
        assert (stale.code, stale.body["reason"]) == (409, "Conflict")
        other = await api.call("PATCH", f"{NEW}/one", {"note": "else"}, type="application/merge-patch+json")
        assert (other.code, other.body["details"]["causes"][0]["field"]) == (422, "note")
        applied = await api.call("PATCH", f"{NEW}/one?fieldManager=me", report(), type="application/apply-patch+yaml")
        assert applied.code == 415


@on_a_loop
async def test_a_watch_tells_in_its_own_form(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        await made(api)
        watching = asyncio.create_task(api.lines(f"{NEW}?watch=true&fieldSelector=regarding.kind=Pod", 3))
        core = asyncio.create_task(api.lines(f"{CORE}?watch=true", 3))
        await made(api, name="two")
        await api.call("DELETE", f"{CORE}/one")
        events, old = await watching, await core
        assert [(one["type"], one["object"]["metadata"]["name"]) for one in events] == [
            ("ADDED", "one"),
            ("ADDED", "two"),
            ("DELETED", "one"),
        ]
        assert {one["object"]["apiVersion"] for one in events} == {"events.k8s.io/v1"}
        assert {one["object"]["note"] for one in events} == {"it was seen"}
        assert {one["object"]["apiVersion"] for one in old} == {"v1"}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"reportingController": ""}, "reportingController"),
        ({"reportingController": "a b"}, "reportingController"),
        ({"action": ""}, "action"),
        ({"reason": "x" * 129}, "reason"),
        ({"note": "x" * 1025}, "note"),
        ({"type": "Loud"}, "type"),
        ({"deprecatedCount": 3}, "deprecatedCount"),
        ({"regarding": {"kind": "Pod", "name": "web", "namespace": "other"}}, "involvedObject.namespace"),
    ],
)
@on_a_loop
async def test_what_is_refused(tmp_path: Path, fields: dict[str, Any], field: str) -> None:
    async with cluster(tmp_path) as api:
        refused = await api.call("POST", NEW, report(**fields))
        assert (refused.code, refused.body["details"]["causes"][0]["field"]) == (422, field)
        assert api.client.list(Event) == []
