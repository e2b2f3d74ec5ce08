"""The downward API: fieldRef and resourceFieldRef."""

from __future__ import annotations

import json
import re

from nsorch.node.compiler.failures import ConfigError
from nsorch.node.compiler.inputs import Surroundings
from nsorch.node.compiler.quantities import bytes_of, ceil_divide, milli_of
from nsorch.resources.container import Container
from nsorch.resources.pod import Pod

_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['(.*)'\]$", re.DOTALL)


def field_value(pod: Pod, path: str, around: Surroundings) -> str:
    """The text of a ``fieldRef.fieldPath``; ConfigError if there is no such field."""
    match path:
        case "metadata.name":
            return pod.name
        case "metadata.namespace":
            return pod.namespace or ""
        case "metadata.uid":
            return pod.uid
        case "metadata.labels":
            return format_map(pod.metadata.labels)
        case "metadata.annotations":
            return format_map(pod.metadata.annotations)
        case "spec.nodeName":
            return around.settings.node_name
        case "spec.serviceAccountName":
            return pod.spec.serviceAccountName or "default"
        case "status.hostIP" | "status.hostIPs":
            return around.settings.node_address
        case "status.podIP" | "status.podIPs":
            return around.address
    subscript = _SUBSCRIPT.match(path)
    if subscript:
        values = pod.metadata.labels if subscript[1] == "labels" else pod.metadata.annotations
        return (values or {}).get(subscript[2], "")
    raise ConfigError(f"unsupported fieldPath: {path}")


def format_map(values: dict[str, str] | None) -> str:
    """Labels or annotations as a file: ``key="escaped value"`` lines, sorted by key, no final newline."""
    return "\n".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in sorted((values or {}).items()))


def resource_value(container: Container, resource: str, divisor: str | None, around: Surroundings) -> str:
    """The text of a ``resourceFieldRef``: limits default to what the node has; rounded up to whole divisors."""
    which, _, name = resource.partition(".")
    declared = container.resources
    table = (declared.limits if which == "limits" else declared.requests) if declared else None
    text = (table or {}).get(name)
    if which not in ("limits", "requests"):
        raise ConfigError(f"unsupported container resource : {resource}")
    if name == "cpu":
        milli = milli_of(text) if text is not None else (around.settings.cpu_milli if which == "limits" else 0)
        return str(ceil_divide(milli, _milli_divisor(divisor)))
    if name in ("memory", "ephemeral-storage") or name.startswith("hugepages-"):
        fallback = around.settings.memory_bytes if which == "limits" and name == "memory" else 0
        size = bytes_of(text) if text is not None else fallback
        return str(ceil_divide(size, _byte_divisor(divisor)))
    raise ConfigError(f"unsupported container resource : {resource}")


def _milli_divisor(divisor: str | None) -> int:
    milli = milli_of(divisor) if divisor else 0
    return milli or 1000


def _byte_divisor(divisor: str | None) -> int:
    size = bytes_of(divisor) if divisor else 0
    return size or 1
