"""Three-way apply, with the example of Kubernetes' own documentation among the cases."""

from __future__ import annotations

from typing import Any

from nsorch.api.patch.three_way import LAST_APPLIED, annotated, apply
from nsorch.resources import Deployment


def _deployment(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


def _containers(*items: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"containers": list(items)}}


def test_fields_dropped_from_the_manifest_go_and_fields_set_by_others_stay() -> None:
    first = _deployment(minReadySeconds=5, template=_containers({"name": "a", "image": "nginx:1"}))
    live = annotated(first)
    live["spec"]["replicas"] = 2
    live["spec"]["template"]["spec"]["restartPolicy"] = "Always"
    second = _deployment(template=_containers({"name": "a", "image": "nginx:2"}))

    result = apply(Deployment, live, second)

    assert "minReadySeconds" not in result["spec"]
    assert result["spec"]["replicas"] == 2
    assert result["spec"]["template"]["spec"]["restartPolicy"] == "Always"
    assert result["spec"]["template"]["spec"]["containers"] == [{"name": "a", "image": "nginx:2"}]


def test_lists_with_a_merge_key_merge_by_element() -> None:
    one = {"name": "a", "image": "a:1", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]}
    live = annotated(_deployment(template=_containers(one, {"name": "b", "image": "b:1"})))
    injected = {"name": "injected", "image": "i:1"}
    live["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Always"
    live["spec"]["template"]["spec"]["containers"].append(injected)
    wanted = _deployment(template=_containers({"name": "a", "image": "a:2", "env": [{"name": "Y", "value": "3"}]}))

    containers = apply(Deployment, live, wanted)["spec"]["template"]["spec"]["containers"]

    assert containers == [
        {"name": "a", "image": "a:2", "env": [{"name": "Y", "value": "3"}], "imagePullPolicy": "Always"},
        injected,
    ]


def test_retain_keys_drops_the_other_arm_of_a_union() -> None:
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}
    live = annotated(_deployment(strategy=rolling))
    result = apply(Deployment, live, _deployment(strategy={"type": "Recreate"}))
    assert result["spec"]["strategy"] == {"type": "Recreate"}


def test_the_annotation_is_renewed_and_other_annotations_survive() -> None:
    live = annotated(_deployment(replicas=1))
    live["metadata"]["annotations"]["note"] = "by hand"
    result = apply(Deployment, live, _deployment(replicas=4))
    assert result["metadata"]["annotations"]["note"] == "by hand"
    assert '"replicas":4' in result["metadata"]["annotations"][LAST_APPLIED]
    assert apply(Deployment, result, _deployment(replicas=4)) == result
