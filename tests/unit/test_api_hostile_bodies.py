"""Small bodies that would become large ones."""

from __future__ import annotations

import contextlib
import tracemalloc

import pytest

from nsorch.api import parsing
from nsorch.api.content import JSON, YAML
from nsorch.api.failures import Failure

LAUGHS = "a0: &a0 [1, 2]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
MERGES = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n}\n  <<: [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
WIDE = "a: &a [" + "1," * 50_000 + "]\nb: [" + "*a," * 50_000 + "]\n"
WIDE_MERGE = "a: &a {" + ",".join(f"k{n}: 1" for n in range(5000)) + "}\nb:\n  <<: [" + "*a," * 50_000 + "]\n"


@pytest.mark.parametrize("text", [LAUGHS, WIDE, WIDE_MERGE, "a: &a [*a]", "a: &a\n  <<: *a\n"])
def test_aliases_do_not_multiply(text: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(Failure) as refused:
            parsing.decode(text.encode(), YAML)
        assert refused.value.code == 400
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("[" * 100_000, JSON),
        ('{"a":' * 100_000, JSON),
        ("[" * 100_000, YAML),
        ("{a: " * 100_000, YAML),
        ("- " * 50_000, YAML),
        ("? " * 50_000, YAML),
        ("a: !!python/object/apply:os.system [id]", YAML),
        ('{"a": NaN}', JSON),
    ],
)
def test_deep_and_strange_bodies_are_refused(text: str, kind: str) -> None:
    with pytest.raises(Failure) as refused:
        parsing.decode(text.encode(), kind)
    assert refused.value.code == 400


def test_merges_of_merges_stay_small() -> None:
    with contextlib.suppress(Failure):  # an older PyYAML copies every time, until our bound
        assert parsing.decode(MERGES.encode(), YAML)["a11"] == {"x": 1}


def test_ordinary_merge_keys_work() -> None:
    document = parsing.decode(b"a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3\n", YAML)
    assert document == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}}
