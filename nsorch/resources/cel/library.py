"""The functions that Kubernetes adds to the language: strings, lists, sets, regular expressions; see also ``values``.

A function is declared once for each combination of types. Source: k8s.io/apiserver ``pkg/cel/library`` and cel-go ``ext``.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from nsorch.resources.cel import values
from nsorch.resources.custom.patterns import compiled

Row = tuple[str, str, tuple[str, ...], Callable[..., Any], bool]
"""Name, result, parameters (the first is the receiver of a method), implementation, whether it is a method."""

_SCALARS = ("INT", "UINT", "DOUBLE", "STRING", "BOOL", "TIMESTAMP", "DURATION", "BYTES", "MAP", "LIST", "NULL")


def functions(cel: Any) -> list[Any]:
    """Declarations of all functions for the library ``cel``."""
    types = cel.Type
    by_name: dict[str, list[Any]] = {}
    for name, result, parameters, implementation, member in (*_rows(), *values.rows()):
        overload = cel.Overload(
            f"{name.replace('.', '_')}_{'_'.join(parameters)}_{'m' if member else 'f'}".lower(),
            return_type=getattr(types, result),
            parameters=[getattr(types, parameter) for parameter in parameters],
            is_member=member,
            impl=implementation,
        )
        by_name.setdefault(name, []).append(overload)
    return [cel.FunctionDecl(name, overloads) for name, overloads in by_name.items()]


def _rows() -> list[Row]:
    s, i, b, many = "STRING", "INT", "BOOL", "LIST"
    rows: list[Row] = [
        ("charAt", s, (s, i), _char_at, True),
        ("indexOf", i, (s, s), lambda text, part: text.find(part), True),
        ("indexOf", i, (s, s, i), lambda text, part, start: text.find(part, _inside(text, start)), True),
        ("lastIndexOf", i, (s, s), lambda text, part: text.rfind(part), True),
        ("lastIndexOf", i, (s, s, i), _last_index_from, True),
        ("lowerAscii", s, (s,), lambda text: _ascii(text, str.lower), True),
        ("upperAscii", s, (s,), lambda text: _ascii(text, str.upper), True),
        ("replace", s, (s, s, s), lambda text, old, new: text.replace(old, new), True),
        ("replace", s, (s, s, s, i), lambda text, old, new, count: text.replace(old, new, count), True),
        ("split", many, (s, s), lambda text, by: _split(text, by, -1), True),
        ("split", many, (s, s, i), _split, True),
        ("substring", s, (s, i), lambda text, start: text[_inside(text, start) :], True),
        ("substring", s, (s, i, i), _substring, True),
        ("trim", s, (s,), lambda text: text.strip(), True),
        ("reverse", s, (s,), lambda text: text[::-1], True),
        ("format", s, (s, many), _format, True),
        ("strings.quote", s, (s,), lambda text: json.dumps(text, ensure_ascii=False), False),
        ("join", s, (many,), lambda parts: "".join(parts), True),
        ("join", s, (many, s), lambda parts, by: by.join(parts), True),
        ("find", s, (s, s), _find, True),
        ("findAll", many, (s, s), lambda text, pattern: _find_all(text, pattern, -1), True),
        ("findAll", many, (s, s, i), _find_all, True),
        (
            "isSorted",
            b,
            (many,),
            lambda items: all(one <= two for one, two in itertools.pairwise(items)),
            True,
        ),
        ("sum", "DYN", (many,), lambda items: sum(items[1:], items[0]) if len(items) else 0, True),
        ("min", "DYN", (many,), lambda items: _some(items, "min", min), True),
        ("max", "DYN", (many,), lambda items: _some(items, "max", max), True),
        ("sets.contains", b, (many, many), lambda whole, part: all(_in(one, whole) for one in part), False),
        ("sets.intersects", b, (many, many), lambda one, two: any(_in(item, two) for item in one), False),
        (
            "sets.equivalent",
            b,
            (many, many),
            lambda one, two: all(_in(item, two) for item in one) and all(_in(item, one) for item in two),
            False,
        ),
    ]
    for kind in _SCALARS:
        rows.append(("indexOf", i, (many, kind), _index_of, True))
        rows.append(("lastIndexOf", i, (many, kind), _last_index_of, True))
    return rows


def _inside(text: str, index: int) -> int:
    if not 0 <= index <= len(text):
        raise ValueError(f"index out of range: {index}")
    return index


def _char_at(text: str, index: int) -> str:
    return text[_inside(text, index) : index + 1]


def _substring(text: str, start: int, end: int) -> str:
    if _inside(text, start) > _inside(text, end):
        raise ValueError(f"invalid substring range. start: {start}, end: {end}")
    return text[start:end]


def _last_index_from(text: str, part: str, start: int) -> int:
    return text.rfind(part, 0, _inside(text, start) + len(part))


def _ascii(text: str, change: Callable[[str], str]) -> str:
    return "".join(change(letter) if letter.isascii() else letter for letter in text)


def _split(text: str, by: str, limit: int) -> list[str]:
    if limit == 0:
        return []
    if limit == 1:
        return [text]
    if not by:
        letters = list(text)
        return letters if limit < 0 or len(letters) <= limit else [*letters[: limit - 1], text[limit - 1 :]]
    return text.split(by, limit - 1) if limit > 0 else text.split(by)


def _find(text: str, pattern: str) -> str:
    match = compiled(pattern).search(text)
    found: str = match.group(0) if match else ""
    return found


def _find_all(text: str, pattern: str, limit: int) -> list[str]:
    found = [match.group(0) for match in compiled(pattern).finditer(text)]
    return found if limit < 0 else found[:limit]


def _in(item: Any, items: Sequence[Any]) -> bool:
    return any(item == one for one in items)


def _index_of(items: Sequence[Any], item: Any) -> int:
    return next((number for number, one in enumerate(items) if one == item), -1)


def _last_index_of(items: Sequence[Any], item: Any) -> int:
    return next((number for number in reversed(range(len(items))) if items[number] == item), -1)


def _some(items: Sequence[Any], name: str, choose: Callable[[Sequence[Any]], Any]) -> Any:
    if not items:
        raise ValueError(f"{name} called on empty list")
    return choose(items)


_VERB = re.compile(r"%(?:\.(\d+))?([%sdfeboxX])")


def _format(text: str, arguments: Sequence[Any]) -> str:
    left = list(arguments)

    def clause(match: re.Match[str]) -> str:
        precision, verb = match.groups()
        if verb == "%":
            return "%"
        if not left:
            raise ValueError("index out of range: more clauses than arguments")
        return _formatted(verb, int(precision or 6), left.pop(0))

    return _VERB.sub(clause, text)


def _formatted(verb: str, precision: int, value: Any) -> str:
    match verb:
        case "s":
            return _text(value)
        case "d":
            return str(value)
        case "f":
            return f"{value:.{precision}f}" if math.isfinite(value) else str(value)
        case "e":
            return f"{value:.{precision}e}"
        case "b":
            return f"{int(value):b}"
        case "o":
            return f"{value:o}"
    if isinstance(value, str):
        value = value.encode()
    digits = value.hex() if isinstance(value, bytes) else f"{value:x}"
    return digits.upper() if verb == "X" else digits


def _text(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float():
            return str(int(value)) if value.is_integer() else repr(value)
        case list() | tuple():
            return "[" + ", ".join(_text(item) for item in value) + "]"
        case dict():
            return "{" + ", ".join(f"{_text(key)}: {_text(value[key])}" for key in sorted(value)) + "}"
    return str(value)
