"""How answers are printed: aligned columns as kubectl prints them, JSON, YAML or names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from nsorch.cli.failure import CommandFailure
from nsorch.cli.kinds import Served

FORMATS = ("", "wide", "json", "yaml", "name")


def check(output: str, allowed: Sequence[str] = FORMATS) -> None:
    """Refuse a format that is none."""
    if output not in allowed:
        known = ", ".join(f for f in allowed if f)
        raise CommandFailure(f'cannot print as "{output}": choose one of {known} (kubectl knows more)', 2)


def columns(
    header: Sequence[str], rows: Sequence[Sequence[Any]], widths: list[int] | None = None, *, headers: bool = True
) -> str:
    """Text columns three spaces apart, upper-case header.

    ``widths`` are the least widths, and are widened in place: a later table with the same list lines up with this one.
    """
    titles = [[title.upper() for title in header]] if headers else []
    table = [[cell(value) for value in row] for row in (*titles, *rows)]
    widths = [0] * len(header) if widths is None else widths
    for row in table:
        for i, text in enumerate(row):
            widths[i] = max(widths[i], len(text))
    return "\n".join(
        "   ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in table
    )


def cell(value: Any) -> str:
    """One line of text that does nothing to a terminal: control characters shown escaped, only the first line."""
    text = str(value)
    if text.isprintable():
        return text
    first, *more = text.rstrip("\n").split("\n")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in first) + "..." * bool(more)


def table(
    answer: Mapping[str, Any],
    *,
    wide: bool,
    with_namespace: bool,
    with_labels: bool = False,
    headers: bool = True,
    widths: list[int] | None = None,
) -> str:
    """A ``meta.k8s.io/v1 Table`` as text. ``widths`` as in ``columns``; empty means none yet."""
    shown = [i for i, column in enumerate(answer["columnDefinitions"]) if wide or not column.get("priority")]
    header = [answer["columnDefinitions"][i]["name"] for i in shown]
    rows = []
    for row in answer.get("rows") or ():
        cells = ["<none>" if row["cells"][i] in (None, "") else row["cells"][i] for i in shown]
        metadata = row["object"]["metadata"]
        if with_namespace:
            cells.insert(0, metadata.get("namespace", ""))
        if with_labels:
            cells.append(labels(metadata) or "<none>")
        rows.append(cells)
    header = ["Namespace"] * with_namespace + header + ["Labels"] * with_labels
    if widths is not None and not widths:
        widths += [0] * len(header)
    return columns(header, rows, widths, headers=headers)


def labels(metadata: Mapping[str, Any]) -> str:
    """``app=web,tier=front``."""
    return ",".join(f"{key}={value}" for key, value in sorted((metadata.get("labels") or {}).items()))


def document(value: Any, output: str) -> str:
    """``value`` as ``json`` or ``yaml``."""
    if output == "json":
        return json.dumps(value, indent=4, ensure_ascii=False)
    import yaml  # half of the time of a command that prints none

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return yaml.dump(value, Dumper=dumper, sort_keys=False, allow_unicode=True, width=1000).rstrip("\n")


def name(served: Served, value: Mapping[str, Any]) -> str:
    """``deployment.apps/web``."""
    return f"{served.label}/{value['metadata']['name']}"


def listed(items: Sequence[Any]) -> dict[str, Any]:
    """Several objects as one document."""
    return {"apiVersion": "v1", "kind": "List", "metadata": {}, "items": list(items)}
