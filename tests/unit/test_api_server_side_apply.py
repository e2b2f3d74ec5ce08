"""Server-side apply: sets of fields, ownership and conflicts."""

from __future__ import annotations

from typing import Any

import pytest

from nsorch.api.failures import Failure
from nsorch.api.patch import fields, server_side
from nsorch.api.patch.server_side import Owner
from nsorch.resources import ConfigMap, Deployment, Pod


def deployment(**spec: Any) -> dict[str, Any]:
    container = {"name": "main", "image": "a:1", "ports": [{"containerPort": 80}]}
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [container]}}
    whole = {"selector": {"matchLabels": {"app": "x"}}, "template": template} | spec
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": whole}


def me(manager: str = "me", operation: str = "Apply") -> Owner:
    return Owner(manager, operation, "apps/v1", "", frozenset())


def apply(
    model: Any, live: dict[str, Any], wanted: dict[str, Any], owners: list[Owner], who: Owner, force: bool = False
) -> server_side.Applied:
    return server_side.apply(model, live, wanted, owners, who, dict, force=force)


def test_sets_of_fields_as_kubernetes_writes_them() -> None:
    found = fields.of(Deployment, deployment(replicas=3))
    assert fields.to_json(found) == {
        "f:spec": {
            "f:replicas": {},
            "f:selector": {},
            "f:template": {
                "f:metadata": {"f:labels": {"f:app": {}}},
                "f:spec": {
                    "f:containers": {
                        'k:{"name":"main"}': {
                            ".": {},
                            "f:image": {},
                            "f:name": {},
                            "f:ports": {
                                'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}},
                            },
                        }
                    }
                },
            },
        }
    }
    assert fields.from_json(fields.to_json(found)) == frozenset(found)


def test_sets_and_atomic_lists() -> None:
    pod = {"metadata": {"name": "p", "finalizers": ["a/b"]}, "spec": {"tolerations": [{"key": "k"}]}}
    assert fields.to_json(fields.of(Pod, pod)) == {
        "f:metadata": {"f:finalizers": {'v:"a/b"': {}}},
        "f:spec": {"f:tolerations": {}},
    }


def test_paths_for_people() -> None:
    path = ("f:spec", "f:containers", 'k:{"name":"main"}', "f:image")
    assert fields.text(path) == '.spec.containers[name="main"].image'


def test_what_is_no_longer_declared_goes() -> None:
    first = apply(ConfigMap, {}, {"data": {"a": "1", "b": "2"}}, [], me())
    assert first.document == {"data": {"a": "1", "b": "2"}}
    second = apply(ConfigMap, first.document, {"data": {"a": "1"}}, first.owners, me())
    assert second.document == {"data": {"a": "1"}}
    assert [owner.manager for owner in second.owners] == ["me"]


def test_what_others_own_too_stays() -> None:
    first = apply(ConfigMap, {}, {"data": {"a": "1", "b": "2"}}, [], me())
    shared = apply(ConfigMap, first.document, {"data": {"b": "2"}}, first.owners, me("other"))
    last = apply(ConfigMap, shared.document, {"data": {"a": "1"}}, shared.owners, me())
    assert last.document == {"data": {"a": "1", "b": "2"}}


def test_a_container_goes_with_all_its_parts_but_not_with_those_of_others() -> None:
    wanted = deployment()
    extra = {"name": "extra", "image": "b"}
    with_two = deployment()
    with_two["spec"]["template"]["spec"]["containers"].append(extra)
    first = apply(Deployment, {}, with_two, [], me())
    gone = apply(Deployment, first.document, wanted, first.owners, me())
    assert [c["name"] for c in gone.document["spec"]["template"]["spec"]["containers"]] == ["main"]

    changed = apply(Deployment, first.document, {}, first.owners, me("sidecar"))
    foreign = {"spec": {"template": {"spec": {"containers": [{"name": "extra", "args": ["x"]}]}}}}
    changed = apply(Deployment, changed.document, foreign, changed.owners, me("sidecar"))
    kept = apply(Deployment, changed.document, wanted, changed.owners, me())
    assert {"name": "extra", "args": ["x"]} in kept.document["spec"]["template"]["spec"]["containers"]


def test_conflicts_name_the_field_and_its_manager() -> None:
    first = apply(Deployment, {}, deployment(replicas=3), [], me())
    scaled = first.document | {"spec": first.document["spec"] | {"replicas": 5}}
    owners = server_side.updated(Deployment, first.document, scaled, first.owners, me("scaler", "Update"))
    with pytest.raises(Failure) as caught:
        apply(Deployment, scaled, deployment(replicas=3), owners, me())
    assert (caught.value.code, caught.value.reason) == (409, "Conflict")
    assert caught.value.message == 'Apply failed with 1 conflict: conflict with "scaler" using apps/v1: .spec.replicas'
    assert caught.value.details["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "scaler" using apps/v1', "field": ".spec.replicas"}
    ]
    # Equal values are shared, absent ones are let go, force takes over.
    assert apply(Deployment, scaled, deployment(replicas=5), owners, me()).document["spec"]["replicas"] == 5
    assert apply(Deployment, scaled, deployment(), owners, me()).document["spec"]["replicas"] == 5
    forced = apply(Deployment, scaled, deployment(replicas=3), owners, me(), force=True)
    assert forced.document["spec"]["replicas"] == 3
    assert [owner.manager for owner in forced.owners] == ["me"]


def test_an_update_takes_what_it_changes() -> None:
    before = {"data": {"a": "1", "b": "2"}}
    owner = Owner("me", "Update", "v1", "", frozenset(fields.of(ConfigMap, before)))
    after = {"data": {"a": "9", "c": "3"}}
    owners = server_side.updated(ConfigMap, before, after, [owner], Owner("you", "Update", "v1", "", frozenset()))
    assert [(o.manager, sorted(fields.text(path) for path in o.fields)) for o in owners] == [
        ("you", [".data.a", ".data.c"])
    ]
    same = server_side.updated(ConfigMap, after, after, owners, Owner("third", "Update", "v1", "", frozenset()))
    assert same == owners


def test_canonical_values_do_not_conflict() -> None:
    live = {"spec": {"containers": [{"name": "a", "resources": {"limits": {"cpu": "1"}}}]}}
    other = Owner("other", "Update", "v1", "", frozenset(fields.of(Pod, live)))
    wanted = {"spec": {"containers": [{"name": "a", "resources": {"limits": {"cpu": "1000m"}}}]}}

    def canonical(document: dict[str, Any]) -> dict[str, Any]:
        return Pod.from_dict(document).to_dict()

    applied = server_side.apply(Pod, live, wanted, [other], me(), canonical)
    assert len(applied.owners) == 2
