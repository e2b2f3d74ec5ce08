"""Protobuf bodies, as kubectl sends them."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from nsorch.api import protobuf
from nsorch.api.protobuf.decode import INLINED, message_fields
from nsorch.api.protobuf.wire import WireError, fields, signed

# What kubectl 1.33 sends for `kubectl auth can-i create pods`.
CAN_I = bytes.fromhex(
    "6b3873000a320a17617574686f72697a6174696f6e2e6b38732e696f2f7631121753656c665375626a65637441636365737352657669657712"
    "3f0a100a0012001a0022002a0032003800420012210a1f0a0764656661756c7412066372656174651a0022002a04706f647332003a001a0808"
    "0012001a00200"
    "01a002200"
)


def test_a_body_of_kubectl() -> None:
    assert protobuf.decode(CAN_I) == {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "metadata": {},
        "spec": {"resourceAttributes": {"namespace": "default", "verb": "create", "resource": "pods"}},
        "status": {"allowed": False, "reason": ""},
    }


def varint(value: int) -> bytes:
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def encode(name: str, document: dict[str, Any]) -> bytes:
    """The reverse of what is tested, from the same table of numbers."""
    out = b""
    for number, (member, kind) in message_fields(name).items():
        if member in INLINED and "." in kind:
            out += field(number, encode(kind, document))
        elif member not in document:
            continue
        elif kind.startswith("[]"):
            out += b"".join(field(number, value(kind[2:], item)) for item in document[member])
        elif kind.startswith("map "):
            for key, item in document[member].items():
                out += field(number, field(1, key.encode()) + field(2, value(kind[4:], item)))
        else:
            out += field(number, value(kind, document[member]))
    return out


def value(kind: str, item: Any) -> bytes | int:
    match kind:
        case "string":
            return str(item).encode()
        case "bool" | "int32" | "int64":
            return int(item)
        case "bytes":
            return base64.b64decode(item)
        case "api.resource.Quantity":
            return field(1, item.encode())
        case "util.intstr.IntOrString":
            return field(1, 0) + field(2, item) if isinstance(item, int) else field(1, 1) + field(3, item.encode())
        case "meta.v1.Time":
            return field(1, 1_700_000_000)
    return encode(kind, item)


def body(api_version: str, kind: str, raw: bytes) -> bytes:
    type_meta = field(1, api_version.encode()) + field(2, kind.encode())
    return protobuf.MAGIC + field(1, type_meta) + field(2, raw)


DOCUMENTS: list[dict[str, Any]] = [
    {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "p",
            "labels": {"a": "b", "empty": ""},
            "creationTimestamp": "2023-11-14T22:13:20Z",
            "ownerReferences": [{"apiVersion": "v1", "kind": "X", "name": "x", "uid": "1", "controller": False}],
        },
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "nodeSelector": {"k": "v"},
            "automountServiceAccountToken": False,
            "volumes": [
                {"name": "config", "configMap": {"name": "settings", "optional": False, "defaultMode": 256}},
                {"name": "scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
            ],
            "containers": [
                {
                    "name": "c",
                    "image": "i",
                    "args": ["", "-x"],
                    "env": [
                        {"name": "A", "value": "1"},
                        {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "k"}}},
                    ],
                    "ports": [{"containerPort": 80, "protocol": "TCP"}],
                    "resources": {"limits": {"cpu": "100m", "memory": "1Gi"}},
                    "livenessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 3},
                    "readinessProbe": {"tcpSocket": {"port": 8080}},
                    "securityContext": {"runAsUser": 0, "runAsNonRoot": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        },
    },
    {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"a": "b"}},
            "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
            "template": {"spec": {"containers": [{"name": "c"}]}},
        },
    },
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"k": "AAH/"}, "type": "Opaque"},
    {"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 80, "targetPort": 8080}]}},
    {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": False}}],
        "ports": [{"name": "", "port": 0}],
        "addressType": "IPv4",
    },
    {"apiVersion": "policy/v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0, "preconditions": {"uid": "u"}},
]


def without_empty(item: Any) -> Any:
    """Embedded structs that are not set travel as empty messages; JSON may or may not have them."""
    if isinstance(item, dict):
        return {key: without_empty(inner) for key, inner in item.items() if inner != {}}
    return [without_empty(inner) for inner in item] if isinstance(item, list) else item


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document["kind"])
def test_documents_survive(document: dict[str, Any]) -> None:
    api_version, kind = document["apiVersion"], document["kind"]
    group, _, version = api_version.rpartition("/")
    name = (
        "meta.v1.DeleteOptions" if kind == "DeleteOptions" else f"api.{group.split('.')[0] or 'core'}.{version}.{kind}"
    )
    inner = {key: item for key, item in document.items() if key not in ("apiVersion", "kind")}
    assert protobuf.decode(body(api_version, kind, encode(name, inner))) == document


def test_zeros_of_plain_fields_are_left_out() -> None:
    container = field(1, b"c") + field(2, b"") + field(16, 0) + field(10, field(2, 0))
    pod = field(2, field(2, container) + field(11, 0) + field(4, 0))
    assert protobuf.decode(body("v1", "Pod", pod))["spec"] == {
        "containers": [{"name": "c", "image": "", "livenessProbe": {}}],
        "terminationGracePeriodSeconds": 0,
    }


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        protobuf.MAGIC,
        protobuf.MAGIC + b"\xff",
        CAN_I[:40],
        body("v1", "Unicorn", b""),
        body("v1", "Pod", b"\x0a\x7f"),
        body("v1", "Pod", field(1, 5)),
        body("v1", "Pod", field(1, field(1, b"\xff\xfe"))),
    ],
)
def test_broken_bodies_are_refused(raw: bytes) -> None:
    with pytest.raises(WireError):
        protobuf.decode(raw)


def test_integers() -> None:
    assert [signed(int(number)) for _, number in fields(field(1, -1) + field(1, 2**31) + field(1, 0))] == [-1, 2**31, 0]
