"""Decoding: wrong types, missing fields, nulls, unknown and repeated fields, in the words of Kubernetes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nsorch.resources import Deployment, Pod
from nsorch.resources.errors import Incomplete, Malformed, decode, decode_data
from nsorch.resources.merging import patch_strategy
from nsorch.resources.pod import PodSpec
from nsorch.resources.service import ServiceSpec
from nsorch.resources.unknown import load_json, strict_messages, unknown_fields


def deployment(container: Any = None, **spec: Any) -> bytes:
    """A Deployment as JSON text, with one container."""
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container or {"name": "c"}]}}
    return json.dumps({"metadata": {"name": "x"}, "spec": {"selector": {}, "template": template, **spec}}).encode()


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (
            deployment(replicas="3"),
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (
            deployment(replicas=3.5),
            "json: cannot unmarshal number 3.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (
            deployment(replicas=2**40),
            f"json: cannot unmarshal number {2**40} into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (
            deployment(paused="yes"),
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.paused of type bool",
        ),
        (
            deployment({"name": "c", "env": [{"name": "A", "value": 1}]}),
            "json: cannot unmarshal number into Go struct field "
            "EnvVar.spec.template.spec.containers.env.value of type string",
        ),
        (
            deployment({"name": "c", "ports": {"a": 1}}),
            "json: cannot unmarshal object into Go struct field "
            "Container.spec.template.spec.containers.ports of type []v1.ContainerPort",
        ),
        (
            deployment(strategy={"rollingUpdate": {"maxSurge": True}}),
            "json: cannot unmarshal bool into Go struct field "
            "RollingUpdateDeployment.spec.strategy.rollingUpdate.maxSurge of type intstr.IntOrString",
        ),
        (b"[]", "json: cannot unmarshal array into Go value of type v1.Deployment"),
        (b"null", "json: cannot unmarshal null into Go value of type v1.Deployment"),
    ],
)
def test_wrong_types(raw: bytes, message: str) -> None:
    with pytest.raises(Malformed) as caught:
        decode(Deployment, raw)
    assert str(caught.value) == f'Deployment in version "v1" cannot be handled as a Deployment: {message}'


def test_broken_json_and_values() -> None:
    with pytest.raises(Malformed, match=r"json parse error: .* line 1 column 1"):
        decode(Deployment, b"{")
    with pytest.raises(Malformed, match="quantities must match the regular expression"):
        decode(Deployment, deployment({"name": "c", "resources": {"limits": {"cpu": "lots"}}}))
    with pytest.raises(Malformed, match='parsing time "yesterday"'):
        decode(Pod, b'{"metadata": {"creationTimestamp": "yesterday"}, "spec": {"containers": []}}')


def test_missing_fields_are_causes() -> None:
    with pytest.raises(Incomplete) as caught:
        decode(Deployment, deployment({"image": "x"}))
    assert [(cause.reason, cause.field) for cause in caught.value.causes] == [
        ("FieldValueRequired", "spec.template.spec.containers[0].name")
    ]


def test_null_is_absent() -> None:
    data = {
        "metadata": {"name": "x", "creationTimestamp": None, "annotations": {"a": None}},
        "spec": {"containers": None, "volumes": None},
        "status": None,
    }
    pod = decode(Pod, json.dumps(data).encode())
    assert pod.to_dict() == {
        "metadata": {"name": "x", "annotations": {"a": ""}},
        "spec": {"containers": []},
        "status": {},
    }
    assert decode_data(Pod, data) == pod


def test_numbers_are_quantities() -> None:
    parsed = decode(Deployment, deployment({"name": "c", "resources": {"limits": {"cpu": 1.5, "memory": 1024}}}))
    resources = parsed.spec.template.spec.containers[0].resources
    assert resources is not None
    assert resources.limits == {"cpu": "1500m", "memory": "1024"}


def test_unknown_and_repeated_fields() -> None:
    raw = (
        b'{"spec": {"replicas": 1, "replicas": 2, "template": {"spec": {"containers": [{"nme": "a", "x": {"y": 1}}]}}}}'
    )
    data, duplicates = load_json(raw)
    assert duplicates == ["spec.replicas"]
    unknown = unknown_fields(Deployment, data)
    assert unknown == ["spec.template.spec.containers[0].nme", "spec.template.spec.containers[0].x"]
    assert strict_messages(unknown[:1], duplicates) == [
        'duplicate field "spec.replicas"',
        'unknown field "spec.template.spec.containers[0].nme"',
    ]
    free = {"metadata": {"labels": {"any": "thing"}, "managedFields": [{"fieldsV1": {"f:x": {}}}]}}
    assert unknown_fields(Deployment, free) == []


def test_merge_marks() -> None:
    assert patch_strategy(PodSpec, "containers") == ("merge", "name")
    assert patch_strategy(PodSpec, "volumes") == ("merge,retainKeys", "name")
    assert patch_strategy(PodSpec, "tolerations") == ("", "")
    assert patch_strategy(ServiceSpec, "ports") == ("merge", "port")
    assert patch_strategy(PodSpec, "what") == ("", "")


def test_wire_form_round_trips() -> None:
    parsed = decode(Deployment, deployment(replicas=3))
    assert Deployment.from_dict(parsed.to_dict()) == parsed
    assert json.loads(parsed.to_json()) == parsed.to_dict()
