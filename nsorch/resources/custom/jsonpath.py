"""JSONPath as columns and subresources use it: fields, elements, filters and wildcards.

Source: https://kubernetes.io/docs/reference/kubectl/jsonpath/ (without ranges of templates).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

Step = Callable[[Any], Iterator[Any]]

_TOKEN = re.compile(
    r"""\.\.?(?P<field>(?:\\.|[^.\[\]\\'"])+)|\[(?P<inside>(?:'(?:\\.|[^'])*'|"(?:\\.|[^"])*"|[^\]'"])*)\]|(?P<dots>\.+$)"""
)
_FILTER = re.compile(r"\?\(\s*(?P<left>.+?)\s*(?:(?P<op>==|!=|<=|>=|<|>)\s*(?P<right>.+?)\s*)?\)")


class JsonPathError(ValueError):
    """The text is no JSONPath."""


@lru_cache(maxsize=512)
def parse(text: str) -> tuple[Step, ...]:
    """The steps of a path such as ``.spec.items[0].name`` (braces around it are allowed); JsonPathError if it is none."""
    path = text.strip()
    if path.startswith("{") and path.endswith("}"):
        path = path[1:-1]
    path = path.removeprefix("$").removeprefix("@")
    steps: list[Step] = []
    position = 0
    while position < len(path):
        match = _TOKEN.match(path, position)
        if match is None or match["dots"]:
            raise JsonPathError(f"unrecognized character in {text!r} at {path[position:]!r}")
        position = match.end()
        if match["field"] is not None:
            if match[0].startswith(".."):
                steps.append(_descend)
            name = re.sub(r"\\(.)", r"\1", match["field"])
            steps.append(_all if name == "*" else _field(name))
        else:
            steps.append(_inside(match["inside"].strip(), text))
    return tuple(steps)


def find(text: str, document: Any) -> list[Any]:
    """Everything that the path leads to."""
    found = [document]
    for step in parse(text):
        found = [value for one in found for value in step(one)]
    return found


def first(text: str, document: Any) -> Any:
    """The first thing that the path leads to, else None."""
    return next(iter(find(text, document)), None)


def simple(text: str) -> tuple[str, ...] | None:
    """The names of a path of fields alone (``.spec.replicas``), else None."""
    parts = text.split(".")
    return tuple(parts[1:]) if parts[0] == "" and len(parts) > 1 and all(map(_plain, parts[1:])) else None


def put(document: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Set the field at ``path``, making the objects on the way."""
    for name in path[:-1]:
        inner = document.get(name)
        if not isinstance(inner, dict):
            inner = document[name] = {}
        document = inner
    document[path[-1]] = value


def _plain(name: str) -> bool:
    return re.fullmatch(r"[\w-]+", name) is not None


def _field(name: str) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, dict) and name in value:
            yield value[name]

    return step


def _all(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _descend(value: Any) -> Iterator[Any]:
    yield value
    for inner in _all(value):
        yield from _descend(inner)


def _inside(text: str, whole: str) -> Step:
    if text == "*":
        return _all
    if text[:1] in ("'", '"'):
        return _field(text[1:-1].replace("\\" + text[0], text[0]))
    if match := _FILTER.fullmatch(text):
        return _filter(match["left"], match["op"], match["right"])
    if re.fullmatch(r"-?\d+", text):
        return _element(int(text))
    if match := re.fullmatch(r"(-?\d*):(-?\d*)(?::(\d+))?", text):
        cut = slice(*(int(part) if part else None for part in match.groups()))
        return lambda value: iter(value[cut] if isinstance(value, list) else ())
    raise JsonPathError(f"invalid array index {text!r} in {whole!r}")


def _element(number: int) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list) and -len(value) <= number < len(value):
            yield value[number]

    return step


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda one, two: one == two,
    "!=": lambda one, two: one != two,
    "<": lambda one, two: one < two,
    "<=": lambda one, two: one <= two,
    ">": lambda one, two: one > two,
    ">=": lambda one, two: one >= two,
}


def _filter(left: str, op: str | None, right: str | None) -> Step:
    one = _operand(left)
    two = _operand(right) if right is not None else None

    def step(value: Any) -> Iterator[Any]:
        for item in value if isinstance(value, list) else ():
            found = one(item)
            if two is None or op is None:
                if found:
                    yield item
                continue
            other = two(item)
            try:
                if found and other and _COMPARE[op](found[0], other[0]):
                    yield item
            except TypeError:
                continue

    return step


def _operand(text: str) -> Callable[[Any], list[Any]]:
    if text.startswith(("@", "$", ".")):
        parse(text)
        return lambda item: find(text, item)
    if text[:1] in ("'", '"'):
        constant: Any = text[1:-1]
    else:
        try:
            constant = json.loads(text)
        except ValueError:
            raise JsonPathError(f"unrecognized operand {text!r}") from None
    return lambda item: [constant]
