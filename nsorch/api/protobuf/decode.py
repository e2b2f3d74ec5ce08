"""From a protobuf message of the Kubernetes API to the JSON document that says the same.

Go writes every scalar that is no pointer, zero or not; only pointers may be absent. The JSON form leaves such zeros out,
so a zero is kept only where it means something (``KEEP_ZERO``). Structs that Go embeds travel as a message of their own
but are flat in JSON (``INLINED``).
"""

from __future__ import annotations

import base64
import json
from functools import lru_cache
from importlib import resources
from typing import Any

from nsorch.api.protobuf.wire import WireError, fields, signed
from nsorch.kit.clock import rfc3339, rfc3339_micro

MAX_DEPTH = 64
"""Messages within messages."""

INLINED = frozenset(
    {
        "ephemeralContainerCommon",
        "handler",
        "localObjectReference",
        "persistentVolumeSource",
        "rule",
        "ruleWithOperations",
        "volumeSource",
    }
)

KEEP_ZERO = frozenset(
    [
        "activeDeadlineSeconds",
        "allocateLoadBalancerNodePorts",
        "allowPrivilegeEscalation",
        "allowed",
        "automountServiceAccountToken",
        "averageUtilization",
        "backoffLimit",
        "backoffLimitPerIndex",
        "blockOwnerDeletion",
        "collisionCount",
        "completions",
        "controller",
        "defaultMode",
        "deletionGracePeriodSeconds",
        "enableServiceLinks",
        "exitCode",
        "expirationSeconds",
        "failedJobsHistoryLimit",
        "fsGroup",
        "gracePeriodSeconds",
        "hostProcess",
        "hostUsers",
        "image",
        "imageID",
        "immutable",
        "incomplete",
        "leaseDurationSeconds",
        "leaseTransitions",
        "lun",
        "manualSelector",
        "maxFailedIndexes",
        "maxSkew",
        "message",
        "minDomains",
        "minReplicas",
        "mode",
        "optional",
        "orphanDependents",
        "parallelism",
        "priority",
        "privileged",
        "progressDeadlineSeconds",
        "readOnlyRootFilesystem",
        "ready",
        "reason",
        "restartCount",
        "revisionHistoryLimit",
        "runAsGroup",
        "runAsNonRoot",
        "runAsUser",
        "setHostnameAsFQDN",
        "shareProcessNamespace",
        "stabilizationWindowSeconds",
        "started",
        "startingDeadlineSeconds",
        "storageClassName",
        "successfulJobsHistoryLimit",
        "suspend",
        "terminatingReplicas",
        "terminationGracePeriodSeconds",
        "tolerationSeconds",
        "ttlSecondsAfterFinished",
        "weight",
        "ClientIPConfig.timeoutSeconds",
        "DeploymentSpec.replicas",
        "EndpointConditions.serving",
        "EndpointConditions.terminating",
        "EndpointPort.name",
        "EndpointPort.port",
        "LeaseSpec.holderIdentity",
        "ReplicaSetSpec.replicas",
        "ReplicationControllerSpec.replicas",
        "RollingUpdateStatefulSetStrategy.partition",
        "ScaleSpec.replicas",
        "StatefulSetSpec.replicas",
    ]
)
"""Scalars that are pointers in Go, or that JSON must carry: by field, or by message and field where that is not enough."""

Field = tuple[str, str]
"""JSON name and type: ``string``, ``[]TYPE``, ``map TYPE``, a message."""


@lru_cache(maxsize=512)
def message_fields(name: str) -> dict[int, Field]:
    """The fields of a message by number; WireError for an unknown one. Only what is asked for stays in memory."""
    text = resources.files(__package__).joinpath("schema.json").read_text()
    start = text.find(f'\n"{name}": {{')
    if start < 0:
        raise WireError(f"{name} is not known in protobuf")
    line = text[start + 1 : text.index("\n", start + 1)].rstrip(",")
    rows: dict[str, str] = json.loads("{" + line + "}")[name]
    found: dict[int, Field] = {}
    for number, row in rows.items():
        field, _, kind = row.partition(" ")
        found[int(number)] = (field, kind)
    return found


def message(name: str, data: bytes, depth: int = 0) -> dict[str, Any]:
    """The JSON document of the message ``name`` (``api.core.v1.Pod``); WireError if ``data`` is none."""
    document: dict[str, Any] = {}
    _fill(name, data, document, depth)
    return document


def _fill(name: str, data: bytes, document: dict[str, Any], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise WireError("nested too deeply")
    known = message_fields(name)
    short = name.rpartition(".")[2]
    for number, value in fields(data):
        if number not in known:
            continue  # newer than this server: dropped, as an unknown field of JSON is
        field, kind = known[number]
        if field in INLINED and "." in kind:
            _fill(kind, _bytes(value), document, depth + 1)
        elif kind.startswith("[]"):
            document.setdefault(field, []).append(_value(kind[2:], value, depth))
        elif kind.startswith("map "):
            key, item = _pair(kind[4:], _bytes(value), depth)
            document.setdefault(field, {})[key] = item
        else:
            found = _value(kind, value, depth)
            zero = found is None or (isinstance(found, str | int) and not found)
            counts = field in KEEP_ZERO or f"{short}.{field}" in KEEP_ZERO
            if kind == "util.intstr.IntOrString":
                counts = field != "targetPort"  # the others are pointers: maxUnavailable 0 is not an absent one
            if not zero or (found is not None and counts):
                document[field] = found


def _pair(kind: str, data: bytes, depth: int) -> tuple[str, Any]:
    """One entry of a map: a message of key and value, either left out where it is zero."""
    parts = dict(fields(data))
    value = parts.get(2, 0 if kind in ("int32", "int64", "bool") else b"")
    return _text(parts.get(1, b"")), _value(kind, value, depth)


def _value(kind: str, value: int | bytes, depth: int) -> Any:
    match kind:
        case "string":
            return _text(value)
        case "bool":
            return bool(_integer(value))
        case "int32" | "int64" | "uint32" | "uint64":
            return signed(_integer(value))
        case "bytes":
            return base64.b64encode(_bytes(value)).decode()
        case "api.resource.Quantity":
            return _text(dict(fields(_bytes(value))).get(1, b""))
        case "util.intstr.IntOrString":
            parts = dict(fields(_bytes(value)))
            return _text(parts.get(3, b"")) if parts.get(1) else signed(_integer(parts.get(2, 0)))
        case "meta.v1.Time" | "meta.v1.MicroTime":
            return _time(dict(fields(_bytes(value))), micro=kind.endswith("MicroTime"))
        case "meta.v1.FieldsV1" | "runtime.RawExtension":
            return _raw(_bytes(value))
    if kind.endswith(".ExtraValue"):
        return [_text(part) for number, part in fields(_bytes(value)) if number == 1]
    return message(kind, _bytes(value), depth + 1)


def _raw(value: bytes) -> Any:
    """Free-form JSON: a message whose field 1 is the text."""
    text = _bytes(dict(fields(value)).get(1, b""))
    if not text:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WireError(f"free-form JSON: {error}") from None


def _time(parts: dict[int, int | bytes], *, micro: bool) -> str | None:
    seconds, nanos = signed(_integer(parts.get(1, 0))), signed(_integer(parts.get(2, 0)))
    if not parts or not -62135596800 < seconds < 253402300800:
        return None  # the zero time of Go
    return rfc3339_micro(seconds + nanos / 1e9) if micro else rfc3339(seconds)


def _bytes(value: int | bytes) -> bytes:
    if not isinstance(value, bytes):
        raise WireError("an integer where a message or text is expected")
    return value


def _integer(value: int | bytes) -> int:
    if not isinstance(value, int):
        raise WireError("a message or text where an integer is expected")
    return value


def _text(value: int | bytes) -> str:
    try:
        return _bytes(value).decode()
    except UnicodeDecodeError as error:
        raise WireError(f"text that is no UTF-8: {error}") from None
