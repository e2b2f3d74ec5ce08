"""Custom kinds over HTTP: from the definition to its end."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import Cluster, add_namespace, cluster
from tests.support.custom import BASE, CRDS, TABS, crontab, definition
from tests.support.loops import on_a_loop

MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"


async def defined(c: Cluster, document: dict[str, Any] | None = None) -> None:
    made = await c.call("POST", CRDS, document or definition())
    assert made.code == 201, made.body


@on_a_loop
async def test_a_definition_is_served_at_once(tmp_path: Path) -> None:
    async with cluster(tmp_path) as c:
        await defined(c)
        found = (await c.call("GET", f"{CRDS}/crontabs.stable.example.com")).body
        conditions = {one["type"]: one["status"] for one in found["status"]["conditions"]}
        assert conditions == {"NamesAccepted": "True", "Established": "True"}
        assert found["status"]["storedVersions"] == ["v1"]
        assert found["spec"]["names"]["listKind"] == "CronTabList"
        rows = (await c.call("GET", BASE)).body["resources"]
        assert {row["name"] for row in rows} == {"crontabs", "crontabs/status", "crontabs/scale"}
        assert rows[0]["shortNames"] == ["ct"]
        paths = (await c.call("GET", "/openapi/v3/apis/stable.example.com/v1")).body
        spec = paths["components"]["schemas"]["com.example.stable.v1.CronTab"]["properties"]["spec"]
        assert spec["properties"]["cronSpec"]["description"] == "When it runs."
        assert "com.example.stable.v1.CronTab" in (await c.call("GET", "/openapi/v2")).body["definitions"]


@on_a_loop
async def test_objects_are_pruned_defaulted_and_checked(tmp_path: Path) -> None:
    async with cluster(tmp_path) as c:
        await defined(c)
        made = await c.call("POST", TABS, crontab(cronSpec="* * * * *", nope=1, free={"a": [None, {"b": 1.0}]}))
        assert made.code == 201
        assert made.headers.getall("Warning") == ['299 - "unknown field \\"spec.nope\\""']
        assert made.body["spec"] == {
            "cronSpec": "* * * * *",
            "free": {"a": [None, {"b": 1}]},
            "image": "busybox",
            "replicas": 1,
        }
        assert made.body["metadata"]["generation"] == 1
        assert "status" not in made.body
        strict = await c.call("POST", f"{TABS}?fieldValidation=Strict", crontab("two", cronSpec="* * * * *", nope=1))
        assert strict.code == 400
        wrong = await c.call("POST", TABS, crontab("two", cronSpec="x", replicas=99))
        assert wrong.code == 422
        assert [cause["field"] for cause in wrong.body["details"]["causes"]] == ["spec.cronSpec", "spec.replicas"]
        assert wrong.body["message"].startswith('CronTab.stable.example.com "two" is invalid: [spec.cronSpec: Invalid')


@on_a_loop
async def test_patches_status_scale_and_selectors(tmp_path: Path) -> None:
    async with cluster(tmp_path) as c:
        await defined(c)
        await c.call("POST", TABS, crontab(cronSpec="* * * * *"))
        one = f"{TABS}/one"
        patched = await c.call("PATCH", one, {"spec": {"replicas": 3}, "status": {"replicas": 9}}, type=MERGE)
        assert patched.body["metadata"]["generation"] == 2
        assert "status" not in patched.body
        status = await c.call(
            "PATCH", f"{one}/status", {"spec": {"replicas": 5}, "status": {"replicas": 2}}, type=MERGE
        )
        assert (status.body["spec"]["replicas"], status.body["status"]) == (3, {"replicas": 2})
        assert status.body["metadata"]["generation"] == 2
        scale = (await c.call("GET", f"{one}/scale")).body
        assert (scale["spec"], scale["status"]) == ({"replicas": 3}, {"replicas": 2, "selector": ""})
        await c.call("PATCH", f"{one}/scale", {"spec": {"replicas": 4}}, type=MERGE)
        assert (await c.call("GET", one)).body["spec"]["replicas"] == 4
        strategic = await c.call("PATCH", one, {}, type="application/strategic-merge-patch+json")
        assert strategic.code == 415
        broken = await c.call("PATCH", one, {"spec": {"replicas": 1}}, type=MERGE)
        assert broken.code == 422
        assert "replicas shrank from 4" in broken.body["message"]
        picked = (await c.call("GET", f"{TABS}?fieldSelector=spec.image=busybox")).body["items"]
        assert [item["metadata"]["name"] for item in picked] == ["one"]
        assert (await c.call("GET", f"{TABS}?fieldSelector=spec.other=x")).code == 400
        table = (await c.call("GET", TABS, Accept="application/json;as=Table;v=v1;g=meta.k8s.io")).body
        assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Spec", "Replicas", "Age"]
        assert table["rows"][0]["cells"][:3] == ["one", "* * * * *", 4]


@on_a_loop
async def test_server_side_apply_merges_by_the_schema(tmp_path: Path) -> None:
    async with cluster(tmp_path) as c:
        await defined(c)

        async def apply(manager: str, spec: dict[str, Any], version: str = "v1") -> Any:
            body = json.dumps(crontab(**spec) | {"apiVersion": f"stable.example.com/{version}"}).encode()
            path = TABS.replace("/v1/", f"/{version}/")
            return await c.call("PATCH", f"{path}/one?fieldManager={manager}", body, type=APPLY)

        first = await apply("a", {"cronSpec": "* * * * *", "list": [{"name": "x", "value": "1"}], "set": ["p"]})
        assert first.code == 201, first.body
        second = await apply("b", {"list": [{"name": "y", "value": "2"}], "set": ["q"]})
        assert second.code == 200, second.body
        assert [item["name"] for item in second.body["spec"]["list"]] == ["x", "y"]
        assert second.body["spec"]["set"] == ["p", "q"]
        clash = await apply("b", {"cronSpec": "1 * * * *"})
        assert clash.code == 409
        gone = await apply("b", {})
        assert [item["name"] for item in gone.body["spec"]["list"]] == ["x"]
        older = await apply("c", {"replicas": 2}, "v1beta1")
        assert (older.code, older.body["apiVersion"]) == (200, "stable.example.com/v1beta1")


@on_a_loop
async def test_versions_are_one_object(tmp_path: Path) -> None:
    async with cluster(tmp_path) as c:
        await defined(c)
        old = TABS.replace("/v1/", "/v1beta1/")
        made = await c.call("POST", old, crontab(cronSpec="* * * * *") | {"apiVersion": "stable.example.com/v1beta1"})
        assert (made.code, made.body["apiVersion"]) == (201, "stable.example.com/v1beta1")
        assert "is deprecated" in made.headers["Warning"]
        seen = (await c.call("GET", f"{TABS}/one")).body
        assert (seen["apiVersion"], seen["metadata"]["uid"]) == ("stable.example.com/v1", made.body["metadata"]["uid"])
        await c.call("PATCH", f"{old}/one/status", {"status": {"replicas": 1}}, type=MERGE)
        assert (await c.call("GET", f"{old}/one")).body["status"] == {"replicas": 1}
        (event,) = await c.lines(f"{old}?watch=1", 1)
        assert event["object"]["apiVersion"] == "stable.example.com/v1beta1"


@on_a_loop
async def test_a_changed_schema_holds_for_what_is_stored(tmp_path: Path) -> None:
    async with cluster(tmp_path) as c:
        await defined(c)
        await c.call("POST", TABS, crontab(cronSpec="* * * * *"))
        changed = (await c.call("GET", f"{CRDS}/crontabs.stable.example.com")).body
        spec = changed["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
        spec["properties"]["late"] = {"type": "string", "default": "yes"}
        spec["properties"]["cronSpec"]["pattern"] = "^never$"
        del spec["properties"]["image"]
        changed["spec"]["versions"][0]["selectableFields"] = []
        answer = await c.call("PUT", f"{CRDS}/crontabs.stable.example.com", changed)
        assert answer.code == 200, answer.body
        assert (await c.call("GET", f"{TABS}/one")).body["spec"] == {
            "cronSpec": "* * * * *",
            "replicas": 1,
            "late": "yes",
        }
        # What was accepted earlier and stays as it is is not held against a change elsewhere.
        assert (await c.call("PATCH", f"{TABS}/one", {"spec": {"replicas": 2}}, type=MERGE)).code == 200
    async with cluster(tmp_path) as c:
        found = (await c.call("GET", f"{TABS}/one")).body["spec"]
        assert (found["late"], found["replicas"]) == ("yes", 2)


@on_a_loop
async def test_names_are_first_come_first_served(tmp_path: Path) -> None:
    async with cluster(tmp_path) as c:
        await defined(c)
        other = definition()
        other["metadata"]["name"] = "others.stable.example.com"
        other["spec"]["names"] = {"plural": "others", "kind": "Other", "shortNames": ["ct"]}
        answer = await c.call("POST", CRDS, other)
        conditions = {one["type"]: one for one in answer.body["status"]["conditions"]}
        assert conditions["NamesAccepted"]["reason"] == "ShortNamesConflict"
        assert conditions["Established"]["status"] == "False"
        assert (await c.call("GET", f"{BASE}/namespaces/default/others")).code == 404


def _broken(change: Any) -> dict[str, Any]:
    document = copy.deepcopy(definition())
    change(document["spec"])
    return document


def _schema(spec: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = spec["versions"][0]["schema"]["openAPIV3Schema"]
    return found


@pytest.mark.parametrize(
    ("change", "field", "text"),
    [
        (lambda s: s["versions"][0].update(storage=False), "spec.versions", "exactly one version marked as storage"),
        (lambda s: s.update(scope="Other"), "spec.scope", 'supported values: "Cluster", "Namespaced"'),
        (lambda s: s["names"].update(plural="Bad"), "spec.names.plural", "DNS-1035"),
        (lambda s: s["versions"][0].pop("schema"), "spec.versions[0].schema.openAPIV3Schema", "schemas are required"),
        (
            lambda s: _schema(s).pop("type"),
            "spec.versions[0].schema.openAPIV3Schema.type",
            "must not be empty at the root",
        ),
        (
            lambda s: _schema(s)["properties"]["spec"].update(oneOf=[{"type": "object"}]),
            "spec.versions[0].schema.openAPIV3Schema.properties[spec].oneOf[0].type",
            "must be empty to be structural",
        ),
        (
            lambda s: _schema(s)["properties"]["spec"]["properties"]["replicas"].update(default="x"),
            "spec.versions[0].schema.openAPIV3Schema.properties[spec].properties[replicas].default",
            "must be of type integer",
        ),
        (
            lambda s: _schema(s)["properties"]["spec"].update({"x-kubernetes-validations": [{"rule": "self.a +"}]}),
            "spec.versions[0].schema.openAPIV3Schema.properties[spec].x-kubernetes-validations[0].rule",
            "compilation failed",
        ),
        (
            lambda s: s.update(conversion={"strategy": "Webhook"}),
            "spec.conversion.strategy",
            "conversion by webhooks is not supported here",
        ),
        (lambda s: s.update(group="nodot"), "spec.group", "should be a domain with at least one dot"),
    ],
)
@on_a_loop
async def test_a_wrong_definition_is_refused(tmp_path: Path, change: Any, field: str, text: str) -> None:
    async with cluster(tmp_path) as c:
        answer = await c.call("POST", CRDS, _broken(change))
        assert answer.code == 422, answer.body
        causes = {cause["field"]: cause["message"] for cause in answer.body["details"]["causes"]}
        assert text in causes[field]


@on_a_loop
async def test_cluster_scoped_and_other_namespaces(tmp_path: Path) -> None:
    async with cluster(tmp_path) as c:
        await add_namespace(c.client, "other")
        document = _broken(lambda spec: spec.update(scope="Cluster"))
        await defined(c, document)
        assert (await c.call("POST", f"{BASE}/crontabs", crontab(cronSpec="* * * * *"))).code == 201
        assert (await c.call("GET", TABS)).code == 404
