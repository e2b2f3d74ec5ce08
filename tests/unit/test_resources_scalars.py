"""Quantities, percentages, ages, selectors and names."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsorch.resources import LabelSelector, LabelSelectorRequirement, names, quantity
from nsorch.resources.ages import duration
from nsorch.resources.intstr import scaled
from nsorch.resources.selectors import (
    EVERYTHING,
    NOTHING,
    FieldRequirement,
    SelectorError,
    matches,
    of_labels,
    of_selector,
    parse_fields,
    parse_labels,
)

SUFFIXES = ["n", "u", "m", "", "k", "M", "G", "Ki", "Mi", "Gi", "e3", "E2", "e-2"]
quantities = st.builds(
    lambda whole, part, suffix: f"{whole}{'.' + part if part else ''}{suffix}",
    st.integers(0, 10**6),
    st.text("0123456789", max_size=3),
    st.sampled_from(SUFFIXES),
)
keys = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True).filter(lambda k: k not in ("in", "notin"))
values = st.from_regex(r"[a-z0-9]([a-z0-9._-]{0,8}[a-z0-9])?", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.5", "500m"),
        ("1.5Gi", "1536Mi"),
        ("1000Mi", "1000Mi"),
        ("0.5Gi", "512Mi"),
        ("1024Ki", "1Mi"),
        ("2e3", "2e3"),
        ("1000k", "1M"),
        ("100m", "100m"),
        ("1000m", "1"),
        ("0", "0"),
        ("0Gi", "0"),
        (".5", "500m"),
        ("-1.5", "-1500m"),
        ("+2", "2"),
        ("0.0000000001", "1n"),
        ("1E", "1E"),
        ("1Ei", "1Ei"),
        ("0.3Mi", "314572800m"),
    ],
)
def test_canonical_quantity(text: str, expected: str) -> None:
    assert quantity.canonical(text) == expected


@pytest.mark.parametrize("text", ["", "x", "1 Gi", "1gi", "1KB", "--1", "1.2.3", "e3", "1e", "Mi", "0x10"])
def test_no_quantity(text: str) -> None:
    with pytest.raises(quantity.QuantityError, match="must match the regular expression"):
        quantity.parse(text)


@given(quantities)
def test_canonical_form_keeps_the_value_and_is_stable(text: str) -> None:
    short = quantity.canonical(text)
    assert quantity.canonical(short) == short
    before, after = quantity.parse(text).value, quantity.parse(short).value
    assert after == before
    assert "." not in short


@given(quantities, quantities)
def test_quantities_compare_and_add_as_numbers(left: str, right: str) -> None:
    one, two = quantity.parse(left).value, quantity.parse(right).value
    assert quantity.compare(left, right) == (one > two) - (one < two)
    assert quantity.parse(quantity.add(left, right)).value == one + two
    assert Fraction(quantity.value(left)) - one < 1
    assert quantity.milli_value(left) >= one * 1000


@pytest.mark.parametrize(
    ("value", "total", "up", "down"),
    [(3, 10, 3, 3), ("25%", 10, 3, 2), ("25%", 4, 1, 1), ("0%", 7, 0, 0), ("100%", 7, 7, 7), ("1%", 1, 1, 0)],
)
def test_scaled(value: int | str, total: int, up: int, down: int) -> None:
    assert scaled(value, total, round_up=True) == up
    assert scaled(value, total, round_up=False) == down


def test_scaled_refuses_other_text() -> None:
    with pytest.raises(ValueError, match="string is not a percentage"):
        scaled("five", 3, round_up=True)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (185, "3m5s"),
        (600, "10m"),
        (10799, "179m"),
        (10800, "3h"),
        (4 * 3600 + 120, "4h2m"),
        (8 * 3600 + 120, "8h"),
        (47 * 3600, "47h"),
        (48 * 3600, "2d"),
        (52 * 3600, "2d4h"),
        (8 * 86400, "8d"),
        (400 * 86400, "400d"),
        (731 * 86400, "2y1d"),
        (9 * 365 * 86400, "9y"),
    ],
)
def test_duration(seconds: int, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "labels", "expected"),
    [
        ("", {}, True),
        ("a=b", {"a": "b"}, True),
        ("a==b", {"a": "c"}, False),
        ("a!=b", {}, True),
        ("a!=b", {"a": "b"}, False),
        ("a in (x, y)", {"a": "y"}, True),
        ("a in (x,y)", {}, False),
        ("a notin (x)", {}, True),
        ("a notin (x)", {"a": "x"}, False),
        ("a", {"a": ""}, True),
        ("!a", {"a": ""}, False),
        ("!a,b=1", {"b": "1"}, True),
        ("a=", {"a": ""}, True),
        ("n>3", {"n": "4"}, True),
        ("n<3", {"n": "x"}, False),
        ("app.kubernetes.io/name=web, tier in (front)", {"app.kubernetes.io/name": "web", "tier": "front"}, True),
    ],
)
def test_label_selector_text(text: str, labels: dict[str, str], expected: bool) -> None:
    assert parse_labels(text).matches(labels) is expected


@pytest.mark.parametrize("text", ["a b", "a=b,", "a in x", "a in (x", "=b", "a/b/c=d", "a=b c", "a=-x", "n>y", "a,,b"])
def test_broken_label_selector(text: str) -> None:
    with pytest.raises(SelectorError):
        parse_labels(text)


@given(st.dictionaries(keys, values, max_size=4), st.dictionaries(keys, values, max_size=4))
def test_label_selector_survives_its_text_form(wanted: dict[str, str], labels: dict[str, str]) -> None:
    selector = of_labels(wanted)
    assert parse_labels(str(selector)) == selector
    assert selector.matches(labels) == (wanted.items() <= labels.items())
    assert matches(LabelSelector(matchLabels=wanted), labels) == selector.matches(labels)


def test_empty_selector_selects_all_and_none_selects_nothing() -> None:
    assert of_selector(LabelSelector()) == EVERYTHING
    assert of_selector(None) is NOTHING
    assert not NOTHING.matches({})
    assert not matches(None, {})


def test_selector_expressions() -> None:
    selector = LabelSelector(matchExpressions=[LabelSelectorRequirement(key="a", operator="NotIn", values=["x"])])
    assert matches(selector, {})
    assert not matches(selector, {"a": "x"})
    with pytest.raises(SelectorError, match="not a valid label selector operator"):
        of_selector(LabelSelector(matchExpressions=[LabelSelectorRequirement(key="a", operator="Like")]))


def test_field_selectors() -> None:
    assert parse_fields("") == ()
    assert parse_fields(r"a=b,c!=d,e==x\,y\=z") == (
        FieldRequirement("a", "b"),
        FieldRequirement("c", "d", equal=False),
        FieldRequirement("e", "x,y=z"),
    )
    for text in ("abc", "a=b=c", r"a=\x"):
        with pytest.raises(SelectorError):
            parse_fields(text)


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (names.dns_label, ["a", "a-1", "1a", "x" * 63], ["", "A", "-a", "a-", "a.b", "a_b", "x" * 64, "a\n"]),
        (names.dns_subdomain, ["a", "a.b-c", "1"], ["", "a..b", ".a", "A.b", "x" * 254]),
        (names.dns1035_label, ["a", "a-1"], ["", "1a", "a.b", "A"]),
        (
            names.qualified_name,
            ["a", "A.b_c-1", "example.com/x"],
            ["", "a/b/c", "/a", "a/", "Ex.com/x", "-a", "x" * 64],
        ),
        (names.label_value, ["", "a", "A.b_c-1"], ["-a", "a-", "a b", "x" * 64]),
        (names.env_name, ["A", "my.env-name", "1", "a b"], ["", "A=B", "Ä", "a\n"]),
        (names.config_key, ["a", "A_b.c-1", ".hidden"], ["", ".", "..", "..x", "a/b", "x" * 254]),
        (names.port_name, ["http", "a1-b"], ["", "80", "a--b", "-a", "HTTP", "x" * 16]),
        (names.percent, ["0%", "25%"], ["25", "%", "-1%", "1.5%"]),
        (names.path_segment, ["a", "a.b"], [".", "..", "a/b", "a%b"]),
    ],
)
def test_name_rules(rule: object, good: list[str], bad: list[str]) -> None:
    assert callable(rule)
    assert {text: rule(text) for text in good} == {text: [] for text in good}
    assert all(rule(text) for text in bad), [text for text in bad if not rule(text)]


def test_words_of_a_broken_name() -> None:
    assert names.dns_label("a_b") == [
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
        "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
        "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
    ]
