"""Content negotiation, tables and partial metadata."""

from __future__ import annotations

import json

import pytest

from nsorch.api import content, tables
from nsorch.api.failures import Failure
from nsorch.resources import ConfigMap, ObjectMeta
from nsorch.resources.registry import Column, Kind

KUBECTL_GET = (
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
)


@pytest.mark.parametrize(
    ("accept", "media_type", "shape", "version"),
    [
        (None, content.JSON, "", ""),
        ("", content.JSON, "", ""),
        ("*/*", content.JSON, "", ""),
        ("application/*", content.JSON, "", ""),
        ("application/json", content.JSON, "", ""),
        ("application/json, */*", content.JSON, "", ""),
        ("application/yaml", content.YAML, "", ""),
        ("application/json;q=0.5, application/yaml", content.YAML, "", ""),
        ("application/yaml;q=0.1, text/html, application/json;q=0.2", content.JSON, "", ""),
        ("application/vnd.kubernetes.protobuf, application/json", content.JSON, "", ""),
        ("application/vnd.kubernetes.protobuf,application/json;stream=watch", content.JSON, "", ""),
        (KUBECTL_GET, content.JSON, "Table", "v1"),
        ("application/json;as=Table;v=v1beta1;g=meta.k8s.io", content.JSON, "Table", "v1beta1"),
        ("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io", content.JSON, content.PARTIAL_LIST, "v1"),
        ("application/json;as=Table;v=v9;g=meta.k8s.io,application/json", content.JSON, "", ""),
        ("application/json;as=Chair;v=v1;g=meta.k8s.io,*/*;q=0.1", content.JSON, "", ""),
        ("Application/JSON; AS=Table; V=v1; G=meta.k8s.io", content.JSON, "Table", "v1"),
    ],
)
def test_what_a_list_answers_with(accept: str | None, media_type: str, shape: str, version: str) -> None:
    form = content.negotiate_list(accept)
    assert (form.media_type, form.shape, form.version) == (media_type, shape, version)


@pytest.mark.parametrize(
    "accept",
    ["application/vnd.kubernetes.protobuf", "text/html", "application/json;q=0", "application/json;as=Table;g=x;v=v1"],
)
def test_nothing_acceptable_is_406(accept: str) -> None:
    with pytest.raises(Failure) as caught:
        content.negotiate_list(accept)
    assert caught.value.code == 406
    assert "application/json" in caught.value.message


def test_one_object_is_no_list() -> None:
    with pytest.raises(Failure):
        content.negotiate_object("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io")
    form = content.negotiate_object("application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io")
    assert form.shape == content.PARTIAL


def test_bodies() -> None:
    assert content.body_type(None) == content.JSON
    assert content.body_type("application/json; charset=utf-8") == content.JSON
    assert content.body_type("application/yaml") == content.YAML
    assert content.body_type("application/vnd.kubernetes.protobuf") == content.PROTOBUF
    with pytest.raises(Failure) as caught:
        content.body_type("application/x-www-form-urlencoded")
    assert caught.value.code == 415


def test_yaml_answers() -> None:
    assert content.render(b'{"b":1,"a":["x"]}', content.Format(content.YAML)) == b"b: 1\na:\n- x\n"


KIND = Kind(
    model=ConfigMap,
    plural="configmaps",
    columns=(
        Column("Name", lambda obj, now: obj.name),
        Column("Data", lambda obj, now: len(obj.data or {}), type="integer", description="Number of keys."),
        Column("Age", lambda obj, now: f"{now:.0f}s", priority=1),
    ),
)


def config(name: str, **data: str) -> ConfigMap:
    metadata = ObjectMeta(name=name, namespace="default", resourceVersion="7", labels={"a": "b"})
    return ConfigMap(apiVersion="v1", kind="ConfigMap", metadata=metadata, data=data)


def test_a_table_of_a_list() -> None:
    meta = tables.ListMeta(resource_version="12", continue_="token", remaining=3)
    table = json.loads(tables.table(KIND, [config("one", x="1"), config("two")], 60.0, meta=meta))
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert table["metadata"] == {"resourceVersion": "12", "continue": "token", "remainingItemCount": 3}
    names = [
        (column["name"], column["type"], column["format"], column["priority"]) for column in table["columnDefinitions"]
    ]
    assert names == [("Name", "string", "name", 0), ("Data", "integer", "", 0), ("Age", "string", "", 1)]
    assert [row["cells"] for row in table["rows"]] == [["one", 1, "60s"], ["two", 0, "60s"]]
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    assert table["rows"][0]["object"]["metadata"]["labels"] == {"a": "b"}
    assert "data" not in table["rows"][0]["object"]


def test_an_empty_table_still_has_columns() -> None:
    table = json.loads(tables.table(KIND, [], 0.0))
    assert table["rows"] == []
    assert len(table["columnDefinitions"]) == 3


def test_only_the_first_table_of_a_watch_has_columns() -> None:
    first = json.loads(tables.table_of_one(KIND, config("one"), 0.0))
    later = json.loads(tables.table_of_one(KIND, config("one"), 0.0, with_columns=False))
    assert len(first["columnDefinitions"]) == 3
    assert later["columnDefinitions"] is None
    assert first["metadata"] == {"resourceVersion": "7"}


def test_what_rows_include() -> None:
    whole = json.loads(tables.table_of_one(KIND, config("one", x="1"), 0.0, include="Object"))
    assert whole["rows"][0]["object"]["data"] == {"x": "1"}
    nothing = json.loads(tables.table_of_one(KIND, config("one", x="1"), 0.0, include="None"))
    assert nothing["rows"][0]["object"] is None
    assert tables.include_object("") == "Metadata"
    with pytest.raises(Failure):
        tables.include_object("Everything")


def test_partial_metadata() -> None:
    listed = json.loads(tables.partial_list([config("one")], tables.ListMeta(resource_version="9")))
    assert listed["kind"] == "PartialObjectMetadataList"
    assert listed["metadata"] == {"resourceVersion": "9"}
    assert listed["items"][0]["kind"] == "PartialObjectMetadata"
    assert listed["items"][0]["metadata"]["name"] == "one"
