"""Patches: RFC 6902 and RFC 7386 by their own appendices, strategic merge by Kubernetes' documented behaviour."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nsorch.api.patch import (
    JSON_PATCH,
    MERGE_PATCH,
    STRATEGIC_MERGE_PATCH,
    PatchRefused,
    apply_patch,
    json_patch,
    merge_patch,
    strategic,
)
from nsorch.resources import ConfigMap, Deployment, Pod, Service

# RFC 7386, appendix A.
MERGE_EXAMPLES = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("current", "patch", "expected"), MERGE_EXAMPLES)
def test_merge_patch_follows_the_rfc(current: Any, patch: Any, expected: Any) -> None:
    before = copy.deepcopy(current)
    assert merge_patch.merge(current, patch) == expected
    assert current == before


# RFC 6902, appendix A, and corners of RFC 6901.
JSON_EXAMPLES: list[tuple[Any, list[dict[str, Any]], Any]] = [
    ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}], {"baz": "qux", "foo": "bar"}),
    ({"foo": ["bar", "baz"]}, [{"op": "add", "path": "/foo/1", "value": "qux"}], {"foo": ["bar", "qux", "baz"]}),
    ({"baz": "qux", "foo": "bar"}, [{"op": "remove", "path": "/baz"}], {"foo": "bar"}),
    ({"foo": ["bar", "qux", "baz"]}, [{"op": "remove", "path": "/foo/1"}], {"foo": ["bar", "baz"]}),
    ({"baz": "qux"}, [{"op": "replace", "path": "/baz", "value": "boo"}], {"baz": "boo"}),
    (
        {"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}},
        [{"op": "move", "from": "/foo/waldo", "path": "/qux/thud"}],
        {"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}},
    ),
    (
        {"foo": ["all", "grass", "cows", "eat"]},
        [{"op": "move", "from": "/foo/1", "path": "/foo/3"}],
        {"foo": ["all", "cows", "eat", "grass"]},
    ),
    (
        {"baz": "qux", "foo": ["a", 2, "c"]},
        [{"op": "test", "path": "/baz", "value": "qux"}, {"op": "test", "path": "/foo/1", "value": 2}],
        {"baz": "qux", "foo": ["a", 2, "c"]},
    ),
    ({"foo": "bar"}, [{"op": "add", "path": "/child", "value": {"x": {}}}], {"foo": "bar", "child": {"x": {}}}),
    ({"foo": "bar"}, [{"op": "add", "path": "/b", "value": "q", "xyz": 123}], {"foo": "bar", "b": "q"}),
    ({"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}], {"/": 9, "~1": 10}),
    ({"/": 9}, [{"op": "replace", "path": "/~1", "value": 1}], {"/": 1}),
    ({"foo": ["bar"]}, [{"op": "add", "path": "/foo/-", "value": ["abc"]}], {"foo": ["bar", ["abc"]]}),
    ({"a": {"b": 1}}, [{"op": "copy", "from": "/a", "path": "/c"}], {"a": {"b": 1}, "c": {"b": 1}}),
    ({"a": 1}, [{"op": "add", "path": "", "value": {"b": 2}}], {"b": 2}),
    ({"": 1}, [{"op": "remove", "path": "/"}], {}),
    ({"a": 1}, [{"op": "test", "path": "/missing", "value": None}], {"a": 1}),
    ({"a": 1}, [], {"a": 1}),
]


@pytest.mark.parametrize(("current", "patch", "expected"), JSON_EXAMPLES)
def test_json_patch_follows_the_rfc(current: Any, patch: Any, expected: Any) -> None:
    before = copy.deepcopy(current)
    assert json_patch.apply(current, patch) == expected
    assert current == before


INAPPLICABLE: list[tuple[Any, dict[str, Any], int, str]] = [
    ({"baz": "qux"}, {"op": "test", "path": "/baz", "value": "bar"}, 422, "testing value /baz failed: test failed"),
    ({"a": True}, {"op": "test", "path": "/a", "value": 1}, 422, "testing value /a failed"),
    ({"foo": "bar"}, {"op": "add", "path": "/baz/bat", "value": "q"}, 422, 'doc is missing path: "/baz/bat"'),
    ({"foo": "bar"}, {"op": "remove", "path": "/baz"}, 422, "remove operation does not apply"),
    ({"foo": "bar"}, {"op": "replace", "path": "/baz", "value": 1}, 422, "replace operation does not apply"),
    ({"a": []}, {"op": "add", "path": "/a/1", "value": 1}, 422, "not within 0..0"),
    ({"a": [1]}, {"op": "remove", "path": "/a/-"}, 422, "remove operation does not apply"),
    ({"a": [1]}, {"op": "remove", "path": "/a/00"}, 422, "remove operation does not apply"),
    ({"a": {"b": {}}}, {"op": "move", "from": "/a", "path": "/a/b/c"}, 422, "cannot move into itself"),
    ({"a": 1}, {"op": "remove", "path": ""}, 422, "whole document"),
    ({"a": 1}, {"op": "jump", "path": "/a"}, 400, "'jump' is none of add, remove"),
    ({"a": 1}, {"op": "add", "path": "/b"}, 400, "value is missing"),
    ({"a": 1}, {"op": "add", "path": "b", "value": 1}, 400, 'must start with "/"'),
    ({"a": 1}, {"op": "add", "value": 1}, 400, "path must be a JSON pointer"),
    ({"a": 1}, {"op": ["add"], "path": "/a"}, 400, "is none of"),
]


@pytest.mark.parametrize(("current", "operation", "code", "message"), INAPPLICABLE)
def test_json_patch_refusals(current: Any, operation: dict[str, Any], code: int, message: str) -> None:
    with pytest.raises(PatchRefused) as caught:
        json_patch.apply(current, [operation])
    assert caught.value.code == code
    assert message in caught.value.message


def test_a_json_patch_has_limits() -> None:
    test = {"op": "test", "path": "/a", "value": 1}
    assert json_patch.apply({"a": 1}, [test] * json_patch.MAX_OPERATIONS) == {"a": 1}
    with pytest.raises(PatchRefused) as caught:
        json_patch.apply({"a": 1}, [test] * (json_patch.MAX_OPERATIONS + 1))
    assert caught.value.code == 413
    doubling = [{"op": "copy", "from": "", "path": f"/{number}"} for number in range(60)]
    with pytest.raises(PatchRefused) as caught:
        json_patch.apply({"a": "x" * 100}, doubling)
    assert caught.value.code == 413


def pod(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec}


NGINX = {"name": "web", "image": "nginx", "ports": [{"containerPort": 80, "protocol": "TCP"}]}
SIDE = {"name": "side", "image": "busybox"}

STRATEGIC: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    (
        "a new element comes before those that only the server has",
        pod(containers=[NGINX]),
        {"spec": {"containers": [{"name": "redis", "image": "redis"}]}},
        pod(containers=[{"name": "redis", "image": "redis"}, NGINX]),
    ),
    (
        "an element with the same key merges and keeps its other fields",
        pod(containers=[NGINX, SIDE]),
        {"spec": {"containers": [{"name": "web", "image": "nginx:2"}]}},
        pod(containers=[NGINX | {"image": "nginx:2"}, SIDE]),
    ),
    (
        "an atomic list is replaced",
        pod(containers=[NGINX], tolerations=[{"key": "a"}]),
        {"spec": {"tolerations": [{"key": "b"}]}},
        pod(containers=[NGINX], tolerations=[{"key": "b"}]),
    ),
    (
        "delete by key",
        pod(containers=[NGINX, SIDE]),
        {"spec": {"containers": [{"name": "side", "$patch": "delete"}]}},
        pod(containers=[NGINX]),
    ),
    (
        "replace a merging list",
        pod(containers=[NGINX, SIDE]),
        {"spec": {"containers": [{"$patch": "replace"}, {"name": "only", "image": "x"}]}},
        pod(containers=[{"name": "only", "image": "x"}]),
    ),
    (
        "replace an object",
        pod(containers=[NGINX], securityContext={"runAsUser": 1, "fsGroup": 2}),
        {"spec": {"securityContext": {"$patch": "replace", "runAsUser": 3}}},
        pod(containers=[NGINX], securityContext={"runAsUser": 3}),
    ),
    (
        "delete the content of an object",
        pod(containers=[NGINX], securityContext={"runAsUser": 1}),
        {"spec": {"securityContext": {"$patch": "delete"}}},
        pod(containers=[NGINX], securityContext={}),
    ),
    (
        "null deletes a field",
        pod(containers=[NGINX], nodeName="n"),
        {"spec": {"nodeName": None, "hostname": None}},
        pod(containers=[NGINX]),
    ),
    (
        "the wanted order wins",
        pod(containers=[NGINX, SIDE]),
        {"spec": {"$setElementOrder/containers": [{"name": "side"}, {"name": "web"}]}},
        pod(containers=[SIDE, NGINX]),
    ),
    (
        "the wanted order places a new element",
        pod(containers=[NGINX, SIDE]),
        {
            "spec": {
                "$setElementOrder/containers": [{"name": "web"}, {"name": "new"}, {"name": "side"}],
                "containers": [{"name": "new", "image": "n"}],
            }
        },
        pod(containers=[NGINX, {"name": "new", "image": "n"}, SIDE]),
    ),
    (
        "the wanted order leaves elements of others where they were",
        pod(containers=[{"name": "injected"}, NGINX, SIDE]),
        {
            "spec": {
                "$setElementOrder/containers": [{"name": "web"}, {"name": "side"}],
                "containers": [{"name": "web", "image": "n"}],
            }
        },
        pod(containers=[{"name": "injected"}, NGINX | {"image": "n"}, SIDE]),
    ),
    (
        "as kubectl apply removes a container",
        pod(containers=[NGINX, SIDE]),
        {
            "spec": {
                "$setElementOrder/containers": [{"name": "web"}],
                "containers": [{"$patch": "delete", "name": "side"}],
            }
        },
        pod(containers=[NGINX]),
    ),
    (
        "as kubectl apply adds a variable",
        pod(containers=[NGINX | {"env": [{"name": "A", "value": "1"}]}]),
        {
            "spec": {
                "$setElementOrder/containers": [{"name": "web"}],
                "containers": [
                    {
                        "name": "web",
                        "$setElementOrder/env": [{"name": "A"}, {"name": "B"}],
                        "env": [{"name": "B", "value": "2"}],
                    }
                ],
            }
        },
        pod(containers=[NGINX | {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}]),
    ),
    (
        "retainKeys turns one volume source into another",
        pod(volumes=[{"name": "v", "emptyDir": {}}]),
        {"spec": {"volumes": [{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/x"}}]}},
        pod(volumes=[{"name": "v", "hostPath": {"path": "/x"}}]),
    ),
    (
        "scalars of a merging list are a set",
        {"metadata": {"finalizers": ["a/a", "b/b"]}},
        {"metadata": {"finalizers": ["c/c", "a/a"]}},
        {"metadata": {"finalizers": ["c/c", "a/a", "b/b"]}},
    ),
    (
        "scalars are removed by their own directive",
        {"metadata": {"finalizers": ["a/a", "b/b"]}},
        {
            "metadata": {
                "$deleteFromPrimitiveList/finalizers": ["a/a"],
                "$setElementOrder/finalizers": ["b/b"],
            }
        },
        {"metadata": {"finalizers": ["b/b"]}},
    ),
    (
        "a list that was absent is taken whole, elements of one key too",
        pod(containers=[SIDE]),
        {
            "spec": {
                "containers": [
                    {
                        "name": "side",
                        "ports": [
                            {"containerPort": 53, "protocol": "UDP"},
                            {"containerPort": 53, "protocol": "TCP", "name": None},
                        ],
                    }
                ]
            }
        },
        pod(
            containers=[
                SIDE | {"ports": [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53, "protocol": "TCP"}]}
            ]
        ),
    ),
    (
        "labels merge",
        {"metadata": {"labels": {"a": "1", "b": "2"}}},
        {"metadata": {"labels": {"b": None, "c": "3"}}},
        {"metadata": {"labels": {"a": "1", "c": "3"}}},
    ),
]


@pytest.mark.parametrize(("what", "current", "patch", "expected"), STRATEGIC, ids=[row[0] for row in STRATEGIC])
def test_strategic_merge(what: str, current: dict[str, Any], patch: dict[str, Any], expected: dict[str, Any]) -> None:
    before = copy.deepcopy((current, patch))
    assert strategic.merge(Pod, current, patch) == expected
    assert (current, patch) == before


def test_strategic_merge_knows_each_kind() -> None:
    rolling = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    recreate = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    assert strategic.merge(Deployment, rolling, recreate) == {"spec": {"strategy": {"type": "Recreate"}}}

    service = {"spec": {"ports": [{"port": 80, "targetPort": 8080}, {"port": 443}]}}
    patch = {"spec": {"ports": [{"port": 80, "targetPort": 9090}]}}
    expected = {"spec": {"ports": [{"port": 80, "targetPort": 9090}, {"port": 443}]}}
    assert strategic.merge(Service, service, patch) == expected

    assert strategic.merge(ConfigMap, {"data": {"a": "1"}}, {"data": {"b": "2"}}) == {"data": {"a": "1", "b": "2"}}


BAD_STRATEGIC: list[tuple[Any, int, str]] = [
    ({"spec": {"containers": [{"image": "x"}]}}, 400, "does not contain declared merge key: name"),
    ({"spec": {"$patch": "destroy"}}, 400, "unknown patch type"),
    ({"spec": {"containers": [{"$patch": "destroy", "name": "web"}]}}, 400, "unknown patch type"),
    ({"spec": {"$setElementOrder/containers": "web"}}, 400, "a list is needed"),
    ({"spec": {"$setElementOrder": []}}, 400, "$setElementOrder/FIELD is needed"),
    ({"spec": {"$retainKeys": ["containers"], "hostname": "x"}}, 400, "hostname is set but not retained"),
    ({"spec": {"containers": ["web"]}}, 422, "element types are not identical"),
    ({"spec": {"containers": [["web"]]}}, 422, "lists of lists"),
    (
        {"spec": {"$setElementOrder/containers": [{"name": "a"}], "containers": [{"name": "b"}]}},
        400,
        "doesn't match $setElementOrder",
    ),
    ([], 400, "must be a JSON object"),
]


@pytest.mark.parametrize(("patch", "code", "message"), BAD_STRATEGIC)
def test_strategic_merge_refusals(patch: Any, code: int, message: str) -> None:
    with pytest.raises(PatchRefused) as caught:
        strategic.merge(Pod, pod(containers=[NGINX]), patch)
    assert caught.value.code == code
    assert message in caught.value.message


def test_the_content_type_chooses() -> None:
    current = {"metadata": {"labels": {"a": "1"}}}
    merged = {"metadata": {"labels": {"a": "1", "b": "2"}}}
    patch = b'{"metadata":{"labels":{"b":"2"}}}'
    assert apply_patch(Pod, MERGE_PATCH, current, patch) == merged
    assert apply_patch(Pod, STRATEGIC_MERGE_PATCH + "; charset=utf-8", current, patch) == merged
    patch = b'[{"op":"add","path":"/metadata/labels/b","value":"2"}]'
    assert apply_patch(Pod, JSON_PATCH, current, patch) == merged


@pytest.mark.parametrize(
    ("content_type", "patch", "code"),
    [
        ("application/json", b"{}", 415),
        ("", b"{}", 415),
        (MERGE_PATCH, b"{", 400),
        (MERGE_PATCH, b"[]", 400),
        (JSON_PATCH, b"{}", 400),
        (JSON_PATCH, b"[1]", 400),
        (JSON_PATCH, b'[{"op":"add","path":"","value":1}]', 422),
        (STRATEGIC_MERGE_PATCH, b"\xff", 400),
        (MERGE_PATCH, b'{"a":' * 100_000, 400),
    ],
)
def test_wrong_bodies_are_refused(content_type: str, patch: bytes, code: int) -> None:
    with pytest.raises(PatchRefused) as caught:
        apply_patch(Pod, content_type, {"metadata": {}}, patch)
    assert caught.value.code == code
    if code == 415:
        assert STRATEGIC_MERGE_PATCH in caught.value.message


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)
OBJECTS = st.dictionaries(st.text(max_size=3), DOCUMENTS, max_size=4)


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    return value


@settings(max_examples=150, deadline=None)
@given(OBJECTS, OBJECTS)
def test_a_difference_applied_gives_what_was_wanted(current: dict[str, Any], wanted: dict[str, Any]) -> None:
    wanted = without_nulls(wanted)
    patch = merge_patch.difference(current, wanted)
    assert json_patch.equal(merge_patch.merge(current, patch), wanted)


@settings(max_examples=100, deadline=None)
@given(OBJECTS, OBJECTS)
def test_a_merge_patch_is_idempotent(current: dict[str, Any], patch: dict[str, Any]) -> None:
    once = merge_patch.merge(current, patch)
    assert merge_patch.merge(once, patch) == once


@settings(max_examples=100, deadline=None)
@given(OBJECTS, st.text(max_size=4), DOCUMENTS)
def test_what_was_added_can_be_tested_and_removed(current: dict[str, Any], name: str, value: Any) -> None:
    pointer = "/" + name.replace("~", "~0").replace("/", "~1")
    operations = [
        {"op": "add", "path": pointer, "value": value},
        {"op": "test", "path": pointer, "value": json.loads(json.dumps(value))},
        {"op": "remove", "path": pointer},
    ]
    assert json_patch.apply(current, operations) == {key: old for key, old in current.items() if key != name}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from("abcdef"), unique=True), st.lists(st.sampled_from("abcdef"), unique=True))
def test_merged_lists_keep_both_orders(server: list[str], wanted: list[str]) -> None:
    def named(names: list[str]) -> dict[str, Any]:
        return {"spec": {"containers": [{"name": name} for name in names]}}

    result = strategic.merge(Pod, named(server), named(wanted))
    names = [container["name"] for container in result["spec"]["containers"]]
    assert sorted(names) == sorted({*server, *wanted})
    assert [name for name in names if name in wanted] == wanted
    assert [name for name in names if name not in wanted] == [name for name in server if name not in wanted]


def test_long_lists_merge_in_linear_time() -> None:
    names = [{"name": f"c{number}", "image": "x"} for number in range(20_000)]
    result = strategic.merge(Pod, pod(containers=names), {"spec": {"containers": names[::-1]}})
    assert result["spec"]["containers"] == names[::-1]
