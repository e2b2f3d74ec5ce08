"""Lists to the letter: revisions, pages that are one snapshot, tokens that expire, and how answers travel."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.api import Answer, Cluster, add_namespace, cluster, configmap, deployment, pod
from tests.support.loops import on_a_loop

CORE = "/api/v1/namespaces/default"
MAPS = f"{CORE}/configmaps"
MERGE = "application/merge-patch+json"


def names(answer: Answer) -> list[str]:
    assert answer.code == 200, answer.raw
    return [item["metadata"]["name"] for item in answer.body["items"]]


async def make(api: Cluster, *called: str) -> None:
    for name in called:
        assert (await api.call("POST", MAPS, configmap(name, x="1"))).code == 201


REFUSED = [
    ("resourceVersionMatch=Exact", 422, "resourceVersionMatch is forbidden unless resourceVersion is provided"),
    ("resourceVersionMatch=Exact&resourceVersion=0", 422, '"exact" is forbidden for resourceVersion "0"'),
    ("resourceVersionMatch=Other&resourceVersion=1", 422, 'Unsupported value: "Other": supported values: "Exact"'),
    ("resourceVersionMatch=Exact&resourceVersion=1&continue=x", 422, "forbidden when continue is provided"),
    ("sendInitialEvents=true", 422, "sendInitialEvents is forbidden for list"),
    ("watch=1&resourceVersionMatch=NotOlderThan", 422, "forbidden for watch unless sendInitialEvents is provided"),
    ("watch=1&sendInitialEvents=true&resourceVersionMatch=Exact", 422, "requires setting resourceVersionMatch to"),
    ("resourceVersion=abc", 400, 'invalid resource version: resourceVersion: Invalid value: "abc"'),
    ("resourceVersion=-1", 400, "invalid resource version"),
    ("continue=%21%21", 400, "invalid continue token: continue key is not valid"),
    ("continue=e30", 400, "server does not recognize this encoded version"),
    ("limit=9999999999999999999999", 400, "must be an integer"),
    ("resourceVersion=999999", 504, "Too large resource version: 999999, current: "),
    ("watch=1&resourceVersion=999999", 504, "Too large resource version: 999999, current: "),
]


@on_a_loop
async def test_what_may_not_be_asked(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        for query, code, message in REFUSED:
            answer = await api.call("GET", f"{MAPS}?{query}")
            assert answer.code == code, query
            assert message in answer.body["message"], query
            if code == 422:
                assert answer.body["details"]["kind"] == "ListOptions"
                assert answer.body["details"]["group"] == "meta.k8s.io"
        await make(api, "a")
        future = await api.call("GET", f"{MAPS}/a?resourceVersion=999999")
        assert (future.code, future.body["reason"]) == (504, "Timeout")
        assert future.body["details"] == {
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            "retryAfterSeconds": 1,
        }
        assert future.headers["Retry-After"] == "1"


@on_a_loop
async def test_a_list_at_an_exact_revision_is_what_it_was(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        await add_namespace(api.client, "other")
        await make(api, "a", "b", "c")
        then = await api.call("GET", MAPS)
        revision = then.body["metadata"]["resourceVersion"]
        await api.call("DELETE", f"{MAPS}/a")
        await api.call("PATCH", f"{MAPS}/b", {"data": {"x": "2"}}, type=MERGE)
        await api.call("PATCH", f"{MAPS}/b", {"data": {"x": "3"}}, type=MERGE)
        await api.call("DELETE", f"{MAPS}/c")
        await make(api, "c", "d")
        await api.call("POST", "/api/v1/namespaces/other/configmaps", configmap("z"))
        exact = await api.call("GET", f"{MAPS}?resourceVersion={revision}&resourceVersionMatch=Exact")
        assert exact.body == then.body
        everywhere = await api.call("GET", f"/api/v1/configmaps?resourceVersion={revision}&resourceVersionMatch=Exact")
        assert everywhere.body["items"] == then.body["items"]
        one = await api.call("GET", f"{MAPS}?fieldSelector=metadata.name%3Da&resourceVersion={revision}&limit=5")
        assert names(one) == ["a"], "without a match, a limit asks for the very revision"
        newer = await api.call("GET", f"{MAPS}?resourceVersion={revision}&resourceVersionMatch=NotOlderThan")
        assert names(newer) == ["b", "c", "d"]
        assert newer.body["metadata"]["resourceVersion"] == str(api.store.revision)
        assert names(await api.call("GET", f"{MAPS}?resourceVersion=0")) == ["b", "c", "d"]


@on_a_loop
async def test_pages_are_of_one_revision_and_their_token_expires(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        await make(api, *(f"c{number}" for number in range(6)))
        first = await api.call("GET", f"{MAPS}?limit=2")
        token = first.body["metadata"]["continue"]
        assert json.loads(base64.b64decode(token + "==", altchars=b"-_")) == {
            "v": "meta.k8s.io/v1",
            "rv": int(first.body["metadata"]["resourceVersion"]),
            "start": "c1\0",
        }
        await api.call("DELETE", f"{MAPS}/c2")
        await make(api, "c25")
        second = await api.call("GET", f"{MAPS}?limit=2&continue={token}")
        assert names(second) == ["c2", "c3"]
        assert second.body["metadata"]["remainingItemCount"] == 2
        assert second.body["metadata"]["resourceVersion"] == first.body["metadata"]["resourceVersion"]
        third = await api.call("GET", f"{MAPS}?limit=2&continue={second.body['metadata']['continue']}")
        assert names(third) == ["c4", "c5"]
        assert set(third.body["metadata"]) == {"resourceVersion"}
        mixed = await api.call("GET", f"{MAPS}?limit=2&continue={token}&resourceVersion=3")
        assert (mixed.code, mixed.body["message"]) == (
            400,
            "specifying resource version is not allowed when using continue",
        )
        api.store.journal.max_changes = 5
        for number in range(20):
            await api.call("PATCH", f"{MAPS}/c5", {"data": {"x": str(number)}}, type=MERGE)
        gone = await api.call("GET", f"{MAPS}?limit=2&continue={token}")
        assert (gone.code, gone.body["reason"]) == (410, "Expired")
        assert "inconsistent list" in gone.body["message"]
        rest = await api.call("GET", f"{MAPS}?limit=9&continue={gone.body['metadata']['continue']}")
        assert names(rest) == ["c25", "c3", "c4", "c5"], "what there is now"
        assert rest.body["metadata"]["resourceVersion"] == str(api.store.revision)
        revision = first.body["metadata"]["resourceVersion"]
        old = await api.call("GET", f"{MAPS}?resourceVersion={revision}&resourceVersionMatch=Exact")
        assert (old.code, old.body["reason"]) == (410, "Expired")


@on_a_loop
async def test_pages_over_all_namespaces(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        await add_namespace(api.client, "other")
        await make(api, "a", "b")
        for name in ("a", "b"):
            await api.call("POST", "/api/v1/namespaces/other/configmaps", configmap(name))
        found: list[tuple[str, str]] = []
        token = ""
        while True:
            page = await api.call("GET", f"/api/v1/configmaps?limit=1&continue={token}")
            found += [(item["metadata"]["namespace"], item["metadata"]["name"]) for item in page.body["items"]]
            token = page.body["metadata"].get("continue", "")
            if not token:
                break
        assert found == [("default", "a"), ("default", "b"), ("other", "a"), ("other", "b")]
        table = "application/json;as=Table;v=v1;g=meta.k8s.io"
        shaped = await api.call("GET", "/api/v1/configmaps?limit=3", Accept=table)
        assert len(shaped.body["rows"]) == 3
        assert shaped.body["metadata"]["remainingItemCount"] == 1
        filtered = await api.call("GET", "/api/v1/configmaps?limit=1&fieldSelector=metadata.name%3Da")
        assert "remainingItemCount" not in filtered.body["metadata"]


@on_a_loop
async def test_large_answers_are_gzipped_for_those_who_take_it(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        await api.call("POST", MAPS, configmap("small"))
        await api.call("POST", MAPS, configmap("large", x="y" * 200_000))
        async with api.session.get(f"http://nsorch{MAPS}/large", headers={"Accept-Encoding": "gzip"}) as response:
            assert response.headers["Content-Encoding"] == "gzip"
            assert response.headers["Vary"] == "Accept-Encoding"
            assert int(response.headers["Content-Length"]) < 5000
            assert len((await response.json())["data"]["x"]) == 200_000
        small = await api.call("GET", f"{MAPS}/small", **{"Accept-Encoding": "gzip"})
        assert "Content-Encoding" not in small.headers
        plain = await api.call("GET", f"{MAPS}/large", **{"Accept-Encoding": "identity"})
        assert "Content-Encoding" not in plain.headers
        assert (
            "Content-Encoding"
            not in (await api.call("GET", f"{MAPS}/large", **{"Accept-Encoding": "gzip;q=0, identity"})).headers
        )
        for number in range(8):
            await api.call("POST", MAPS, configmap(f"more{number}", x="z" * 200_000))
        listed = await api.call("GET", MAPS, **{"Accept-Encoding": "gzip"})
        assert listed.headers["Content-Encoding"] == "gzip"
        assert len(names(listed)) == 10
        assert gzip.decompress(gzip.compress(listed.raw)) == listed.raw


@on_a_loop
async def test_answers_are_indented_for_people(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        await make(api, "a")
        for path, headers in (
            (f"{MAPS}/a?pretty=true", {}),
            (f"{MAPS}?pretty=1", {}),
            (f"{MAPS}/a", {"User-Agent": "curl/8.0"}),
            (f"{MAPS}/b", {"User-Agent": "Wget/1.2"}),
            (f"{MAPS}/a", {"Accept": "application/json;pretty=1"}),
            ("/version?pretty=true", {}),
        ):
            answer = await api.call("GET", path, **headers)
            assert answer.raw.startswith(b'{\n  "'), path
            assert answer.body
        for path, headers in ((f"{MAPS}/a?pretty=false", {"User-Agent": "curl/8.0"}), (f"{MAPS}/a", {})):
            assert b"\n  " not in (await api.call("GET", path, **headers)).raw


@on_a_loop
async def test_methods_that_a_path_does_not_take(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        for method, path, allowed in (
            ("OPTIONS", MAPS, "GET, POST, DELETE"),
            ("HEAD", f"{MAPS}/a", "GET, PUT, PATCH, DELETE"),
            ("PUT", MAPS, "GET, POST, DELETE"),
            ("POST", f"{CORE}/pods/a/log", "GET"),
            ("POST", "/version", "GET, HEAD"),
            ("DELETE", "/apis", "GET, HEAD"),
        ):
            answer = await api.call(method, path)
            assert (answer.code, answer.headers["Allow"]) == (405, allowed), (method, path)
        head = await api.call("HEAD", "/version")
        assert (head.code, head.raw) == (200, b"")


DRY = [
    ("POST", f"{CORE}/pods?dryRun=All", pod("new"), ""),
    ("POST", f"{CORE}/pods?dryRun=All", {"metadata": {"generateName": "new-"}, "spec": pod()["spec"]}, ""),
    ("PUT", f"{MAPS}/a?dryRun=All", configmap("a", x="2"), ""),
    ("PATCH", f"{MAPS}/a?dryRun=All", {"data": {"x": "2"}}, MERGE),
    ("PATCH", f"{MAPS}/new?dryRun=All&fieldManager=t", {**configmap("new")}, "application/apply-patch+yaml"),
    ("DELETE", f"{MAPS}/a?dryRun=All", None, ""),
    ("DELETE", f"{MAPS}/a", {"kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["All"]}, ""),
    ("DELETE", f"{MAPS}?dryRun=All", None, ""),
    ("DELETE", f"{CORE}/pods/web?dryRun=All", None, ""),
    ("DELETE", "/apis/apps/v1/namespaces/default/deployments/web?dryRun=All&propagationPolicy=Foreground", None, ""),
    ("DELETE", "/api/v1/namespaces/other?dryRun=All", None, ""),
    ("POST", f"{CORE}/pods/web/eviction?dryRun=All", {"metadata": {"name": "web"}}, ""),
    ("PATCH", "/apis/apps/v1/namespaces/default/deployments/web/scale?dryRun=All", {"spec": {"replicas": 9}}, MERGE),
    ("PATCH", f"{CORE}/pods/web/status?dryRun=All", {"status": {"message": "hello"}}, MERGE),
    ("POST", f"{CORE}/services?dryRun=All", {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 1}]}}, ""),
]


@on_a_loop
async def test_a_dry_run_changes_nothing_anywhere(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        await make(api, "a")
        await api.call("POST", f"{CORE}/pods", pod("web"))
        await api.call("POST", "/apis/apps/v1/namespaces/default/deployments", deployment("web"))
        await add_namespace(api.client, "other")
        before = api.store.revision
        for method, path, body, type_ in DRY:
            answer = await api.call(method, path, body, type=type_)
            assert answer.code in (200, 201), (method, path, answer.raw)
            assert api.store.revision == before, (method, path)
        bad = await api.call("DELETE", f"{MAPS}/a?dryRun=Some")
        assert (bad.code, bad.body["details"]["kind"]) == (422, "DeleteOptions")
        assert bad.body["message"].endswith('dryRun: Unsupported value: "Some": supported values: "All"')


@on_a_loop
async def test_deletions_heed_their_options_from_body_and_query(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        await make(api, "a", "b", "c")
        uid = (await api.call("GET", f"{MAPS}/a")).body["metadata"]["uid"]
        for body, code in (
            ({"preconditions": {"uid": "other"}}, 409),
            ({"preconditions": {"resourceVersion": "1"}}, 409),
            ({"propagationPolicy": "Sideways"}, 422),
            ({"propagationPolicy": "Orphan", "orphanDependents": True}, 422),
            ({"gracePeriodSeconds": "soon"}, 400),
            ({"preconditions": {"uid": uid}}, 200),
        ):
            assert (await api.call("DELETE", f"{MAPS}/a", body)).code == code, body
        assert (await api.call("DELETE", f"{MAPS}/b?propagationPolicy=Sideways")).code == 422
        kept = await api.call("DELETE", f"{MAPS}/b?propagationPolicy=Foreground")
        assert kept.body["metadata"]["finalizers"] == ["foregroundDeletion"]
        several = await api.call("DELETE", f"{MAPS}?labelSelector=no%3Dsuch")
        assert names(several) == []
        limited = await api.call("DELETE", f"{MAPS}?fieldSelector=metadata.name%3Dc&limit=1")
        assert names(limited) == ["c"]


@on_a_loop
async def test_bodies_must_be_about_what_the_path_names(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        await make(api, "a")
        for method, path, body, code, message in (
            (
                "PUT",
                f"{MAPS}/a",
                configmap("b"),
                400,
                "the name of the object (b) does not match the name on the URL (a)",
            ),
            ("PUT", f"{MAPS}/a", {"data": {}}, 400, "name must be provided"),
            (
                "PUT",
                f"{MAPS}/a",
                {"metadata": {"name": "a", "namespace": "other"}},
                400,
                "the namespace of the provided object does not match the namespace sent on the request",
            ),
            ("PUT", f"{MAPS}/a", {"metadata": {"name": "a", "uid": "other"}}, 409, "UID in precondition: other"),
            ("PUT", f"{MAPS}/a", {"metadata": {"name": "a", "resourceVersion": "1"}}, 409, "has been modified"),
            ("PUT", f"{MAPS}/a", {"metadata": {"name": "a", "resourceVersion": "0"}}, 200, ""),
            ("PUT", f"{MAPS}/none", configmap("none"), 404, 'configmaps "none" not found'),
            (
                "POST",
                MAPS,
                {"metadata": {"name": "n", "resourceVersion": "1"}},
                400,
                "resourceVersion should not be set",
            ),
        ):
            answer = await api.call(method, path, body)
            assert answer.code == code, (path, body, answer.raw)
            assert message in answer.body.get("message", ""), (path, body)
        for type_ in (MERGE, "application/strategic-merge-patch+json"):
            assert (await api.call("PATCH", f"{MAPS}/none", {"data": {}}, type=type_)).code == 404
        forced = await api.call("PATCH", f"{MAPS}/a?force=true", {"data": {}}, type=MERGE)
        assert (forced.code, forced.body["details"]["kind"]) == (422, "PatchOptions")
        assert "may not be specified for non-apply patch" in forced.body["message"]
        anonymous = await api.call("PATCH", f"{MAPS}/a", configmap("a"), type="application/apply-patch+yaml")
        assert (anonymous.code, anonymous.body["details"]["kind"]) == (422, "PatchOptions")


@on_a_loop
async def test_names_that_are_made_up_do_not_collide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = iter(["x-1", "x-1", "x-1", "x-2"])
    async with cluster(tmp_path) as api:
        monkeypatch.setattr("nsorch.api.operations.metadata.generated_name", lambda base: next(taken))
        for wanted in ("x-1", "x-2"):
            made = await api.call("POST", MAPS, {"metadata": {"generateName": "x-"}})
            assert made.body["metadata"]["name"] == wanted


@on_a_loop
async def test_a_watch_of_metadata_alone_with_a_selector(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        await make(api, "a", "b")
        partial = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
        query = f"watch=1&fieldSelector={quote('metadata.name=b')}&timeoutSeconds=1"
        seen: list[Any] = []
        async with api.session.get(f"http://nsorch{MAPS}?{query}", headers={"Accept": partial}) as response:
            async for line in response.content:
                seen.append(json.loads(line)["object"])
                if len(seen) == 1:
                    await api.call("PATCH", f"{MAPS}/b", {"metadata": {"labels": {"k": "v"}}}, type=MERGE)
                else:
                    break
        assert [(found["kind"], found["metadata"].get("labels")) for found in seen] == [
            ("PartialObjectMetadata", None),
            ("PartialObjectMetadata", {"k": "v"}),
        ]
        assert all("data" not in found for found in seen)
