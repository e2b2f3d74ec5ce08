"""Generic verbs of the API over a real server on a unix socket."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from nsorch.kit.clock import FakeClock
from nsorch.resources import ConfigMap, Pod, Service
from nsorch.resources.client import ClientError
from tests.support.api import add_namespace, cluster, configmap, deployment, pod, service
from tests.support.loops import on_a_loop

CORE = "/api/v1/namespaces/default"
APPS = "/apis/apps/v1/namespaces/default"


@on_a_loop
async def test_create_get_update_delete(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        created = await api.call("POST", f"{CORE}/configmaps", configmap(a="1"))
        assert created.code == 201
        meta = created.body["metadata"]
        assert meta["namespace"] == "default"
        assert meta["uid"]
        assert meta["creationTimestamp"]
        assert "generation" not in meta
        again = await api.call("POST", f"{CORE}/configmaps", configmap(a="1"))
        assert (again.code, again.body["reason"]) == (409, "AlreadyExists")
        assert again.body["message"] == 'configmaps "settings" already exists'
        fresh = created.body | {"data": {"a": "2"}}
        updated = await api.call("PUT", f"{CORE}/configmaps/settings", fresh)
        assert updated.code == 200
        assert updated.body["metadata"]["uid"] == meta["uid"]
        stale = await api.call("PUT", f"{CORE}/configmaps/settings", fresh)
        assert (stale.code, stale.body["reason"]) == (409, "Conflict")
        assert stale.body["message"] == (
            'Operation cannot be fulfilled on configmaps "settings": the object has been modified; '
            "please apply your changes to the latest version and try again"
        )
        same = await api.call("PUT", f"{CORE}/configmaps/settings", updated.body)
        assert same.body["metadata"]["resourceVersion"] == updated.body["metadata"]["resourceVersion"]
        missing = await api.call("PUT", f"{CORE}/configmaps/nobody", configmap("nobody"))
        assert (missing.code, missing.body["message"]) == (404, 'configmaps "nobody" not found')
        wrong = await api.call("DELETE", f"{CORE}/configmaps/settings", {"preconditions": {"uid": "x"}})
        assert wrong.code == 409
        deleted = await api.call("DELETE", f"{CORE}/configmaps/settings")
        assert (deleted.code, deleted.body["status"]) == (200, "Success")
        assert deleted.body["details"]["uid"] == meta["uid"]
        assert (await api.call("GET", f"{CORE}/configmaps/settings")).code == 404


@on_a_loop
async def test_dry_run_changes_nothing_and_generated_names_differ(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        dry = await api.call("POST", f"{CORE}/configmaps?dryRun=All", configmap())
        assert dry.code == 201
        assert dry.body["metadata"]["uid"]
        assert (await api.call("GET", f"{CORE}/configmaps")).body["items"] == []
        assert (await api.call("POST", f"{CORE}/configmaps?dryRun=Some", configmap())).code == 422
        body = {"metadata": {"generateName": "x-"}}
        names = {(await api.call("POST", f"{CORE}/configmaps", body)).body["metadata"]["name"] for _ in range(20)}
        assert len(names) == 20
        assert all(name.startswith("x-") and len(name) == 7 for name in names)
        await api.call("POST", f"{CORE}/services?dryRun=All", service(clusterIP="10.96.0.77"))
        assert (await api.call("POST", f"{CORE}/services", service("b", clusterIP="10.96.0.77"))).code == 201


BAD: list[tuple[str, str, Any, int, str]] = [
    ("POST", f"{CORE}/configmaps", b"{", 400, "json"),
    ("POST", f"{CORE}/configmaps", b"[1]", 400, ""),
    ("POST", f"{CORE}/configmaps", b"", 400, ""),
    ("POST", f"{CORE}/configmaps", b'{"a":' * 5000 + b"1" + b"}" * 5000, 400, ""),
    ("POST", f"{CORE}/configmaps", {"kind": "Pod"}, 400, "Pod"),
    ("POST", f"{CORE}/configmaps", {"apiVersion": "v9"}, 400, "v9"),
    ("POST", f"{CORE}/configmaps", {"metadata": {}}, 422, "name or generateName is required"),
    ("POST", f"{CORE}/configmaps", {"metadata": {"name": "A_b"}}, 422, 'Invalid value: "A_b"'),
    ("POST", f"{CORE}/configmaps", {"metadata": {"name": "a", "namespace": "b"}}, 400, "does not match the namespace"),
    ("POST", f"{CORE}/configmaps", {"metadata": {"name": "a", "labels": {"x y": "z"}}}, 422, "metadata.labels"),
    ("POST", f"{CORE}/configmaps", {"metadata": {"name": "a"}, "data": {"x": 1}}, 400, "ConfigMap.data"),
    ("POST", f"{CORE}/configmaps?fieldValidation=Strict", configmap() | {"dat": {}}, 400, 'unknown field "dat"'),
    ("POST", f"{CORE}/configmaps?fieldValidation=Loose", configmap(), 422, "fieldValidation"),
    ("POST", "/api/v1/namespaces/nowhere/configmaps", configmap(), 404, 'namespaces "nowhere" not found'),
    ("POST", "/api/v1/configmaps", configmap(), 405, ""),
    ("POST", f"{CORE}/pods", pod(serviceAccountName="ghost"), 403, 'serviceaccount "ghost" not found'),
    ("POST", f"{CORE}/pods", {"metadata": {"name": "a"}, "spec": {}}, 422, "spec.containers"),
    ("POST", f"{APPS}/deployments", deployment(replicas=-1), 422, "spec.replicas: Invalid value: -1"),
    ("POST", f"{CORE}/services", service(clusterIP="1.2.3.4"), 422, "is not in the valid range"),
    ("POST", f"{CORE}/services", service(clusterIP="10.96.0.1"), 422, "provided IP is already allocated"),
    ("PATCH", f"{CORE}/configmaps/x", {}, 415, ""),
    ("GET", f"{CORE}/configmaps?labelSelector=a%20b", None, 400, ""),
    ("GET", f"{CORE}/configmaps?fieldSelector=data.x%3D1", None, 400, "field label not supported"),
    ("GET", f"{CORE}/configmaps?limit=x", None, 400, "limit"),
    ("GET", f"{CORE}/configmaps?continue=nonsense", None, 400, "continue"),
    ("GET", f"{CORE}/configmaps?resourceVersion=x", None, 400, "resourceVersion"),
    ("GET", f"{CORE}/configmaps?resourceVersion=999999", None, 504, "Too large resource version"),
    ("GET", f"{CORE}/configmaps?watch=1&resourceVersion=999999", None, 504, "Too large resource version"),
    ("GET", f"{CORE}/nothings", None, 404, "could not find the requested resource"),
    ("GET", "/apis/nope/v1/things", None, 404, ""),
    ("GET", f"{CORE}/pods/x/nonsense", None, 404, ""),
    ("GET", "/favicon.ico", None, 404, ""),
    ("PUT", f"{CORE}/configmaps", {}, 405, ""),
    ("POST", "/version", {}, 405, ""),
    ("DELETE", f"{CORE}/configmaps/x?propagationPolicy=Maybe", None, 422, "propagationPolicy"),
]


@on_a_loop
async def test_bad_input_is_answered_with_a_precise_status(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        for method, path, body, code, text in BAD:
            answer = await api.call(method, path, body)
            assert answer.code == code, (method, path, answer.raw)
            assert answer.body["kind"] == "Status", (method, path)
            assert answer.body["code"] == code
            assert text in answer.body["message"], (method, path, answer.body["message"])
            assert "Traceback" not in answer.body["message"]
        large = json.dumps(configmap(a="x" * (3 << 20))).encode()
        answer = await api.call("POST", f"{CORE}/configmaps", large)
        assert (answer.code, answer.body["reason"]) == (413, "RequestEntityTooLarge")
        answer = await api.call("POST", f"{CORE}/configmaps", b"x", type="text/csv")
        assert (answer.code, answer.body["reason"]) == (415, "UnsupportedMediaType")
        bomb = b"a: &a [x,x,x,x,x,x,x,x,x,x]\n" + b"".join(
            b"%c: &%c [%s]\n" % (n + 1, n + 1, b",".join([b"*%c" % n] * 10)) for n in range(97, 107)
        )
        answer = await api.call("POST", f"{CORE}/configmaps", bomb, type="application/yaml")
        assert answer.code == 400
        answer = await api.call(
            "POST", f"{CORE}/configmaps", b"metadata: {name: y}\ndata: {at: '1'}\n", type="application/yaml"
        )
        assert answer.code == 201, "and the server is well"


@on_a_loop
async def test_unknown_fields_warn_by_default(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        warned = await api.call("POST", f"{CORE}/configmaps", configmap() | {"colour": 1})
        assert (warned.code, warned.headers["Warning"]) == (201, '299 - "unknown field \\"colour\\""')
        ignored = await api.call("POST", f"{CORE}/configmaps?fieldValidation=Ignore", configmap("b") | {"colour": 1})
        assert (ignored.code, ignored.headers.get("Warning")) == (201, None)


@on_a_loop
async def test_lists_select_and_page(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        for number in range(7):
            body = configmap(f"c{number}") | {"metadata": {"name": f"c{number}", "labels": {"odd": str(number % 2)}}}
            await api.call("POST", f"{CORE}/configmaps", body)

        def names(answer: Any) -> list[str]:
            return [item["metadata"]["name"] for item in answer.body["items"]]

        assert names(await api.call("GET", f"{CORE}/configmaps?labelSelector=odd%3D1")) == ["c1", "c3", "c5"]
        assert names(await api.call("GET", f"{CORE}/configmaps?fieldSelector=metadata.name%3Dc2")) == ["c2"]
        assert names(await api.call("GET", f"{CORE}/configmaps?fieldSelector=metadata.name!%3Dc2&limit=3")) == [
            "c0",
            "c1",
            "c3",
        ]
        first = await api.call("GET", "/api/v1/configmaps?limit=3")
        assert first.body["kind"] == "ConfigMapList"
        assert first.body["metadata"]["remainingItemCount"] == 4
        await api.call("POST", f"{CORE}/configmaps", configmap("c9"))
        token = first.body["metadata"]["continue"]
        second = await api.call("GET", f"/api/v1/configmaps?limit=10&continue={token}")
        assert names(first) + names(second) == [f"c{n}" for n in range(7)], "as it was at the first page"
        assert second.body["metadata"]["resourceVersion"] == first.body["metadata"]["resourceVersion"]
        assert "continue" not in second.body["metadata"]
        gone = await api.call("DELETE", f"{CORE}/configmaps?labelSelector=odd%3D0")
        assert names(gone) == ["c0", "c2", "c4", "c6"]
        assert names(await api.call("GET", f"{CORE}/configmaps")) == ["c1", "c3", "c5", "c9"]


@on_a_loop
async def test_finalizers_hold_an_object_until_the_last_is_removed(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        body = configmap()
        body["metadata"]["finalizers"] = ["example.com/hold"]
        await api.call("POST", f"{CORE}/configmaps", body)
        held = await api.call("DELETE", f"{CORE}/configmaps/settings")
        assert held.body["metadata"]["deletionTimestamp"]
        more = await api.call(
            "PATCH",
            f"{CORE}/configmaps/settings",
            {"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}},
            type="application/merge-patch+json",
        )
        assert more.code in (403, 422)
        await api.call(
            "PATCH",
            f"{CORE}/configmaps/settings",
            {"metadata": {"finalizers": None}},
            type="application/merge-patch+json",
        )
        assert (await api.call("GET", f"{CORE}/configmaps/settings")).code == 404
        for policy, finalizer in (("Foreground", "foregroundDeletion"), ("Orphan", "orphan")):
            await api.call("POST", f"{CORE}/configmaps", configmap(policy.lower()))
            answer = await api.call("DELETE", f"{CORE}/configmaps/{policy.lower()}?propagationPolicy={policy}")
            assert answer.code == 200
            kept = await api.call("GET", f"{CORE}/configmaps/{policy.lower()}")
            assert kept.body["metadata"]["finalizers"] == [finalizer]


@on_a_loop
async def test_pods_end_gracefully(tmp_path: Path) -> None:
    clock = FakeClock()
    async with cluster(tmp_path, clock=clock) as api:
        created = await api.call("POST", f"{CORE}/pods", pod())
        assert created.body["spec"]["nodeName"] == "node-1"
        assert created.body["spec"]["serviceAccountName"] == "default"
        first = await api.call("DELETE", f"{CORE}/pods/web")
        assert first.body["metadata"]["deletionGracePeriodSeconds"] == 30
        assert first.body["metadata"]["deletionTimestamp"] == "2023-11-14T22:13:50Z"
        clock.advance(5)
        longer = await api.call("DELETE", f"{CORE}/pods/web?gracePeriodSeconds=60")
        assert longer.body["metadata"]["deletionGracePeriodSeconds"] == 30
        shorter = await api.call("DELETE", f"{CORE}/pods/web", {"gracePeriodSeconds": 10})
        assert shorter.body["metadata"]["deletionGracePeriodSeconds"] == 10
        assert shorter.body["metadata"]["deletionTimestamp"] == "2023-11-14T22:13:30Z"
        await api.client.delete(Pod, "default", "web", grace_seconds=0)
        assert (await api.call("GET", f"{CORE}/pods/web")).code == 404
        with pytest.raises(ClientError, match="not found"):
            await api.client.delete(Pod, "default", "web")


@on_a_loop
async def test_a_cordoned_node_leaves_pods_pending_until_it_is_uncordoned(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        merge = "application/merge-patch+json"
        await api.call("PATCH", "/api/v1/nodes/node-1", {"spec": {"unschedulable": True}}, type=merge)
        waiting = await api.call("POST", f"{CORE}/pods", pod())
        assert "nodeName" not in waiting.body["spec"]
        condition = waiting.body["status"]["conditions"][0]
        assert (condition["status"], condition["reason"]) == ("False", "Unschedulable")
        assert condition["message"] == "0/1 nodes are available: 1 node(s) were unschedulable."
        await api.call("POST", f"{CORE}/pods", pod("quick"))
        assert (await api.call("DELETE", f"{CORE}/pods/quick")).code == 200
        assert (await api.call("GET", f"{CORE}/pods/quick")).code == 404, "nothing of it runs anywhere"
        watch = api.store.watch("pods")
        await api.call("PATCH", "/api/v1/nodes/node-1", {"spec": {"unschedulable": None}}, type=merge)
        while not (changes := watch.take()):
            await watch.wait()
        bound = changes[0].record.obj
        assert isinstance(bound, Pod)
        assert bound.spec.nodeName == "node-1"
        reasons = {item["reason"] for item in (await api.call("GET", f"{CORE}/events")).body["items"]}
        assert "FailedScheduling" in reasons
        other = await api.call("POST", f"{CORE}/pods", pod("other", schedulerName="mine"))
        assert "nodeName" not in other.body["spec"]
        binding = {"metadata": {"name": "other"}, "target": {"kind": "Node", "name": "node-1"}}
        assert (await api.call("POST", f"{CORE}/pods/other/binding", binding)).code == 201
        assert (await api.call("POST", f"{CORE}/pods/other/binding", binding)).code == 409


@on_a_loop
async def test_services_get_addresses_and_ports_that_clash_with_nobody(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        bodies = [service(f"s{n}", type="NodePort") for n in range(20)]
        answers = await asyncio.gather(*(api.call("POST", f"{CORE}/services", body) for body in bodies))
        assert {answer.code for answer in answers} == {201}
        assert len({answer.body["spec"]["clusterIP"] for answer in answers}) == 20
        assert len({answer.body["spec"]["ports"][0]["nodePort"] for answer in answers}) == 20
        taken = answers[0].body["spec"]["ports"][0]["nodePort"]
        clash = service("clash", type="NodePort", ports=[{"port": 80, "nodePort": taken}])
        refused = await api.call("POST", f"{CORE}/services", clash)
        assert refused.body["message"] == (
            f'Service "clash" is invalid: spec.ports[0].nodePort: Invalid value: {taken}: '
            "provided port is already allocated"
        )
        low = service("low", type="NodePort", ports=[{"port": 80, "nodePort": 80}])
        assert "30000-32767" in (await api.call("POST", f"{CORE}/services", low)).body["message"]
        await api.call("DELETE", f"{CORE}/services/s0")
        assert (await api.call("POST", f"{CORE}/services", clash)).code == 201
        assert (await api.call("POST", f"{CORE}/services", service("head", clusterIP="None"))).code == 201
        # An apply of the manifest, which names no address, keeps the allocated ones.
        old = answers[1].body
        new = await api.call("PUT", f"{CORE}/services/s1", service("s1", type="NodePort"))
        assert new.body["spec"]["clusterIP"] == old["spec"]["clusterIP"]
        assert new.body["spec"]["ports"][0]["nodePort"] == old["spec"]["ports"][0]["nodePort"]
        plain = await api.call("PUT", f"{CORE}/services/s1", service("s1", type="ClusterIP"))
        assert "nodePort" not in plain.body["spec"]["ports"][0]
        moved = await api.call("PUT", f"{CORE}/services/s1", service("s1", clusterIP="10.96.200.1"))
        assert moved.code == 422
        assert isinstance(api.client.get(Service, "default", "head"), Service)


@on_a_loop
async def test_namespaces_end_when_they_are_finalized(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        await add_namespace(api.client, "shop")
        for name in ("default", "kube-system"):
            if name != "default":
                await add_namespace(api.client, name)
            refused = await api.call("DELETE", f"/api/v1/namespaces/{name}")
            assert refused.body["message"] == f'namespaces "{name}" is forbidden: this namespace may not be deleted'
        ending = await api.call("DELETE", "/api/v1/namespaces/shop")
        assert (ending.code, ending.body["status"]["phase"]) == (200, "Terminating")
        late = await api.call("POST", "/api/v1/namespaces/shop/configmaps", configmap())
        assert late.code == 403
        assert "because it is being terminated" in late.body["message"]
        about = ConfigMap.from_dict({"metadata": {"name": "gone", "namespace": "shop", "uid": "u"}})
        api.client.event(about, type="Normal", reason="Late", message="too late", component="test")
        done = ending.body | {"spec": {"finalizers": []}}
        assert (await api.call("PUT", "/api/v1/namespaces/shop/finalize", done)).code == 200
        assert (await api.call("GET", "/api/v1/namespaces/shop")).code == 404
        assert api.store.list("events", "shop") == []


@on_a_loop
async def test_scale_and_status_are_written_apart(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        created = await api.call("POST", f"{APPS}/deployments", deployment())
        assert created.body["metadata"]["generation"] == 1
        path = f"{APPS}/deployments/web"
        scale = (await api.call("GET", f"{path}/scale")).body
        assert (scale["kind"], scale["spec"]["replicas"], scale["status"]["selector"]) == ("Scale", 2, "app=web")
        scale["spec"]["replicas"] = 5
        assert (await api.call("PUT", f"{path}/scale", scale)).body["spec"]["replicas"] == 5
        assert (await api.call("PUT", f"{path}/scale", scale)).code == 409
        scaled = (await api.call("GET", path)).body
        assert (scaled["spec"]["replicas"], scaled["metadata"]["generation"]) == (5, 2)
        mixed = scaled | {"status": {"replicas": 3}, "spec": scaled["spec"] | {"replicas": 9}}
        after = (await api.call("PUT", f"{path}/status", mixed)).body
        assert (after["status"]["replicas"], after["spec"]["replicas"], after["metadata"]["generation"]) == (3, 5, 2)
        whole = after | {"status": {}, "spec": after["spec"] | {"replicas": 1}}
        after = (await api.call("PUT", path, whole)).body
        assert (after["status"]["replicas"], after["spec"]["replicas"]) == (3, 1)


@on_a_loop
async def test_patches_of_the_latest_state_never_lose_a_race(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        await api.call("POST", f"{CORE}/configmaps", configmap())
        patches = [{"data": {f"k{number}": "v"}} for number in range(50)]
        answers = await asyncio.gather(
            *(
                api.call("PATCH", f"{CORE}/configmaps/settings", patch, type="application/merge-patch+json")
                for patch in patches
            )
        )
        assert {answer.code for answer in answers} == {200}
        assert len((await api.call("GET", f"{CORE}/configmaps/settings")).body["data"]) == 50


@on_a_loop
async def test_events_are_counted_bounded_and_expire(tmp_path: Path) -> None:
    clock = FakeClock()
    async with cluster(tmp_path, clock=clock, events_per_namespace=5, event_ttl=100.0) as api:
        about = await api.client.create(
            ConfigMap.from_dict(configmap() | {"metadata": {"name": "s", "namespace": "default"}})
        )

        def say(text: str) -> None:
            api.client.event(about, type="Normal", reason="Tested", message=text, component="test")

        async def counts() -> dict[str, int]:
            await asyncio.gather(*(write.future for write in list(api.store._pending.values())))
            return {record.obj.message: record.obj.count for record in api.store.list("events")}  # type: ignore[attr-defined]

        for _ in range(3):
            say("same")
        assert await counts() == {"same": 3}
        for number in range(10):
            say(str(number))
        await counts()
        assert set(await counts()) == {"5", "6", "7", "8", "9"}
        clock.advance(101)
        say("new")
        await counts()
        api.operations._keeper.expire()
        assert await counts() == {"new": 1}
