"""The layout that all descriptions share: ``Title:   value`` lines, lists below each other, small tables."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nsorch.cli import output as out
from nsorch.cli.durations import words
from nsorch.kit.clock import parse_rfc3339

Object = Mapping[str, Any]
WIDTH = 18
"""Column where values begin."""
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
NONE = "<none>"


def field(title: str, value: Any, *, depth: int = 0, width: int = WIDTH) -> str:
    """One line; an empty value is shown as ``<none>``."""
    label = "  " * depth + title + ":"
    shown = NONE if value in (None, "", [], {}) else out.cell(value)
    return label.ljust(width if len(label) < width else len(label) + 1) + shown


def several(title: str, values: Sequence[str], *, depth: int = 0, width: int = WIDTH) -> Iterator[str]:
    """Values below each other, the title beside the first."""
    yield field(title, values[0] if values else "", depth=depth, width=width)
    for value in values[1:]:
        yield " " * width + out.cell(value)


def pairs(values: Mapping[str, Any] | None, sign: str = "=") -> list[str]:
    """``key=value`` lines, sorted."""
    return [f"{key}{sign}{value}" for key, value in sorted((values or {}).items())]


def head(obj: Object) -> Iterator[str]:
    """Name, namespace, labels, annotations, age and owner: what every object has."""
    meta = obj["metadata"]
    yield field("Name", meta["name"])
    if meta.get("namespace"):
        yield field("Namespace", meta["namespace"])
    yield from several("Labels", pairs(meta.get("labels")))
    annotations = {k: v for k, v in (meta.get("annotations") or {}).items() if k != LAST_APPLIED}
    yield from several("Annotations", pairs(annotations, ": "))
    yield field("Created", since(meta.get("creationTimestamp")))
    owners = [f"{o['kind']}/{o['name']}" for o in meta.get("ownerReferences") or () if o.get("controller")]
    if owners:
        yield field("Controlled By", owners[0])
    if meta.get("deletionTimestamp"):
        grace = meta.get("deletionGracePeriodSeconds")
        yield field("Deleted", since(meta["deletionTimestamp"]) + (f", grace {grace}s" if grace is not None else ""))
    if meta.get("finalizers"):
        yield field("Finalizers", ", ".join(meta["finalizers"]))


def since(stamp: str | None) -> str:
    """``2030-01-31T12:00:00Z (5m ago)``."""
    if not stamp:
        return ""
    left = time.time() - parse_rfc3339(stamp)
    return f"{stamp} ({words(left)} ago)" if left >= 0 else f"{stamp} (in {words(-left)})"


def conditions(obj: Object) -> Iterator[str]:
    """The table of conditions; reason and message only if any has one."""
    found = (obj.get("status") or {}).get("conditions") or ()
    if not found:
        return
    yield "Conditions:"
    rows = [
        [
            c.get("type", ""),
            c.get("status", ""),
            words(time.time() - parse_rfc3339(c["lastTransitionTime"])) if c.get("lastTransitionTime") else "",
            c.get("reason") or "",
            c.get("message") or "",
        ]
        for c in found
    ]
    header = ["Type", "Status", "Since", "Reason", "Message"]
    while header and not any(row[len(header) - 1] for row in rows):
        header.pop()
    yield from indented(out.columns(header, [row[: len(header)] for row in rows]))


def indented(text: str, depth: int = 1) -> Iterator[str]:
    for line in text.splitlines():
        yield "  " * depth + line
