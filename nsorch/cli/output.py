"""How answers are printed: aligned columns as kubectl prints them, JSON, YAML or names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from nsorch.cli.failure import CommandFailure
from nsorch.cli.kinds import Served

FORMATS = ("", "wide", "json", "yaml", "name")
Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def check(output: str, allowed: Sequence[str] = FORMATS) -> None:
    """Refuse a format that is none."""
    if output not in allowed:
        raise CommandFailure(f'cannot print as "{output}": choose one of {", ".join(f for f in allowed if f)}', 2)


def columns(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Text columns three spaces apart, upper-case header."""
    table = [[str(cell) for cell in row] for row in ([title.upper() for title in header], *rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(header))]
    return "\n".join(
        "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
    )


def table(answer: Mapping[str, Any], *, wide: bool, with_namespace: bool) -> str:
    """A ``meta.k8s.io/v1 Table`` as text."""
    shown = [i for i, column in enumerate(answer["columnDefinitions"]) if wide or not column.get("priority")]
    header = [answer["columnDefinitions"][i]["name"] for i in shown]
    rows = []
    for row in answer.get("rows") or ():
        cells = ["<none>" if row["cells"][i] in (None, "") else row["cells"][i] for i in shown]
        if with_namespace:
            cells.insert(0, row["object"]["metadata"].get("namespace", ""))
        rows.append(cells)
    return columns(["Namespace", *header] if with_namespace else header, rows)


def document(value: Any, output: str) -> str:
    """``value`` as ``json`` or ``yaml``."""
    if output == "json":
        return json.dumps(value, indent=2, ensure_ascii=False)
    return yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=1000).rstrip("\n")


def name(served: Served, value: Mapping[str, Any]) -> str:
    """``deployment.apps/web``."""
    return f"{served.label}/{value['metadata']['name']}"
