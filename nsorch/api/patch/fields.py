"""Sets of fields: which parts of an object somebody owns, as ``metadata.managedFields`` keeps them (``FieldsV1``).

A path is a tuple of elements: ``f:NAME`` a field or a key of a map, ``k:{"name":"x"}`` an element of a list that is a map
by its keys, ``v:"x"`` an element of a list that is a set. What is atomic is one path as a whole. An element of a list is
owned by itself too, so that it lives as long as somebody names it.
Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nsorch.api.patch.json_patch import equal
from nsorch.api.patch.schema import FieldRule, Node, rule

Path = tuple[str, ...]
Fields = frozenset[Path]

_KEY_DEFAULTS = {"protocol": "TCP"}
"""Keys of list elements that may be left out (ports), with their defaults."""

_NOT_OWNED = frozenset(
    {
        ("f:apiVersion",),
        ("f:kind",),
        ("f:metadata",),
        *(
            ("f:metadata", f"f:{name}")
            for name in (
                "creationTimestamp",
                "deletionGracePeriodSeconds",
                "deletionTimestamp",
                "generation",
                "managedFields",
                "name",
                "namespace",
                "resourceVersion",
                "selfLink",
                "uid",
            )
        ),
    }
)
"""What identifies an object or belongs to the server is owned by nobody."""


def of(model: Node | None, document: Mapping[str, Any]) -> dict[Path, Any]:
    """Every path that ``document`` sets, with its value (None for the mere existence of a list element)."""
    found: dict[Path, Any] = {}
    _object(model, document, (), found)
    return {
        path: value
        for path, value in found.items()
        if path not in _NOT_OWNED and path[:2] != ("f:metadata", "f:managedFields")
    }


def changed(before: Mapping[Path, Any], after: Mapping[Path, Any]) -> Fields:
    """Paths that ``after`` adds or sets to another value."""
    return frozenset(path for path, value in after.items() if path not in before or not equal(before[path], value))


def to_json(fields: Iterable[Path]) -> dict[str, Any]:
    """The ``FieldsV1`` form: nested objects; "." marks an owned element that has owned parts."""
    root: dict[str, Any] = {}
    paths = sorted(fields)
    for number, path in enumerate(paths):
        node = root
        for element in path:
            node = node.setdefault(element, {})
        following = paths[number + 1] if number + 1 < len(paths) else ()
        if following[: len(path)] == path:  # sorted: parts follow their whole
            node["."] = {}
    return root


def from_json(data: Mapping[str, Any] | None) -> Fields:
    """The set of a ``FieldsV1`` document."""
    return frozenset(_paths(data or {}, ()))


def text(path: Path) -> str:
    """A path for people: ``.spec.containers[name="x"].image``."""
    parts = []
    for element in path:
        sort, _, value = element.partition(":")
        if sort == "f":
            parts.append(f".{value}")
        elif sort == "k":
            keys = json.loads(value)
            parts.append("[" + ",".join(f"{name}={json.dumps(key)}" for name, key in keys.items()) + "]")
        else:
            parts.append(f"[={value}]")
    return "".join(parts)


def merge(model: Node | None, live: Mapping[str, Any], applied: Mapping[str, Any]) -> dict[str, Any]:
    """``live`` with everything that ``applied`` sets; arguments are not changed."""
    result = dict(live)
    for name, value in applied.items():
        result[name] = _merge(rule(model, name), result.get(name), value)
    return result


def remove(model: Node | None, document: Mapping[str, Any], paths: Iterable[Path]) -> dict[str, Any]:
    """``document`` without what stands at ``paths``; the argument is not changed."""
    unwanted: dict[str, Any] = {}
    for path in paths:
        node = unwanted
        for element in path:
            node = node.setdefault(element, {})
        node["."] = {}
    return _without(model, document, unwanted)


def key_element(field: FieldRule, item: Mapping[str, Any]) -> str:
    """``k:{"containerPort":80,"protocol":"TCP"}`` of a list element."""
    defaults = _KEY_DEFAULTS if field.key_defaults is None else field.key_defaults
    keys = {name: item.get(name, defaults.get(name)) for name in sorted(field.list_keys)}
    return "k:" + _compact(keys)


def _object(model: Node | None, document: Mapping[str, Any], at: Path, found: dict[Path, Any]) -> None:
    for name, value in document.items():
        _value(rule(model, name), value, (*at, f"f:{name}"), found)


def _value(field: FieldRule, value: Any, at: Path, found: dict[Path, Any]) -> None:
    if isinstance(value, Mapping) and value and field.map_type != "atomic":
        if field.container == "map":
            for name, inner in value.items():
                _value(field.value_rule, inner, (*at, f"f:{name}"), found)
        else:
            _object(field.model, value, at, found)
    elif isinstance(value, list) and value and _by_keys(field, value):
        for item in value:
            element = (*at, key_element(field, item))
            found[element] = None
            _object(field.model, item, element, found)
    elif isinstance(value, list) and value and field.list_type == "set":
        for item in value:
            found[(*at, "v:" + _compact(item))] = None
    else:
        found[at] = value


def _merge(field: FieldRule, live: Any, applied: Any) -> Any:
    if isinstance(applied, Mapping) and isinstance(live, Mapping) and field.map_type != "atomic":
        if field.container == "map":
            inner = field.value_rule
            return dict(live) | {name: _merge(inner, live.get(name), value) for name, value in applied.items()}
        return merge(field.model, live, applied)
    if isinstance(applied, list) and isinstance(live, list):
        if _by_keys(field, [*live, *applied]):
            lives = {key_element(field, item): item for item in live}
            wanted = {key_element(field, item): item for item in applied}
            merged = {
                element: merge(field.model, lives[element], item) if element in lives else item
                for element, item in wanted.items()
            }
            # What lives keeps its place; what is new follows in the applied order.
            kept = [merged.pop(element, item) for element, item in lives.items()]
            return kept + list(merged.values())
        if field.list_type == "set":
            present = {_compact(item) for item in live}
            return [*live, *(item for item in applied if _compact(item) not in present)]
    return applied


def _without(model: Node | None, document: Mapping[str, Any], unwanted: Mapping[str, Any]) -> dict[str, Any]:
    result = {}
    for name, value in document.items():
        below = unwanted.get(f"f:{name}")
        if below is None:
            result[name] = value
        elif "." not in below:
            result[name] = _without_value(rule(model, name), value, below)
    return result


def _without_value(field: FieldRule, value: Any, unwanted: Mapping[str, Any]) -> Any:
    if isinstance(value, Mapping):
        if field.container == "map" and field.values is not None:
            return _without_entries(field.values, value, unwanted)
        return _without(None if field.container == "map" else field.model, value, unwanted)
    if isinstance(value, list) and _by_keys(field, value):
        kept = []
        for item in value:
            below = unwanted.get(key_element(field, item), {})
            if "." not in below:
                kept.append(_without(field.model, item, below))
        return kept
    if isinstance(value, list) and field.list_type == "set":
        return [item for item in value if "v:" + _compact(item) not in unwanted]
    return value


def _without_entries(field: FieldRule, document: Mapping[str, Any], unwanted: Mapping[str, Any]) -> dict[str, Any]:
    result = {}
    for name, value in document.items():
        below = unwanted.get(f"f:{name}")
        if below is None:
            result[name] = value
        elif "." not in below:
            result[name] = _without_value(field, value, below)
    return result


def _by_keys(field: FieldRule, items: list[Any]) -> bool:
    return field.list_type == "map" and all(isinstance(item, Mapping) for item in items)


def _paths(node: Mapping[str, Any], at: Path) -> Iterator[Path]:
    for element, below in node.items():
        if element == ".":
            yield at
        elif not below:
            yield (*at, element)
        else:
            yield from _paths(below, (*at, element))


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
