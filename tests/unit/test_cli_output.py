"""Tables and documents as they are printed."""

from __future__ import annotations

import json

import pytest

from nsorch.cli import output
from nsorch.cli.failure import CommandFailure

TABLE = {
    "columnDefinitions": [{"name": "Name"}, {"name": "Ready"}, {"name": "Node", "priority": 1}],
    "rows": [
        {"cells": ["a", "1/1", "vm"], "object": {"metadata": {"namespace": "x", "labels": {"b": "2", "a": "1"}}}},
        {"cells": ["longer", None, ""], "object": {"metadata": {"namespace": "yy"}}},
    ],
}


def test_columns_line_up_without_trailing_blanks() -> None:
    text = output.table(TABLE, wide=False, with_namespace=False)
    assert text.split("\n") == ["NAME     READY", "a        1/1", "longer   <none>"]


def test_wide_namespace_and_labels() -> None:
    text = output.table(TABLE, wide=True, with_namespace=True, with_labels=True)
    assert text.split("\n") == [
        "NAMESPACE   NAME     READY    NODE     LABELS",
        "x           a        1/1      vm       a=1,b=2",
        "yy          longer   <none>   <none>   <none>",
    ]


def test_later_rows_line_up_with_earlier_ones() -> None:
    widths: list[int] = []
    first = output.table(TABLE, wide=False, with_namespace=False, widths=widths)
    later = output.table(
        {**TABLE, "rows": TABLE["rows"][:1]}, wide=False, with_namespace=False, widths=widths, headers=False
    )
    assert first.split("\n")[1] == later


def test_nothing_in_a_cell_reaches_the_terminal_as_a_command() -> None:
    assert output.cell("a\x1b[31mb\tc") == "a\\x1b[31mb\\tc"
    assert output.cell("first\nsecond") == "first..."
    assert output.cell("one\n") == "one"
    assert output.cell("größe 語") == "größe 語"


def test_formats() -> None:
    output.check("wide")
    with pytest.raises(CommandFailure, match='cannot print as "table": choose one of wide, json, yaml, name') as why:
        output.check("table")
    assert why.value.status == 2


def test_documents() -> None:
    value = {"b": "ä", "a": ["1", 1, None]}
    assert json.loads(output.document(value, "json")) == value
    assert output.document(value, "yaml") == "b: ä\na:\n- '1'\n- 1\n- null"
