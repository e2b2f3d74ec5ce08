"""Strategic merge patch: a merge patch that knows which lists are maps in disguise.

A list whose field says ``patchStrategy: merge`` merges by its merge key (or, of scalars, as a set); any other list is
replaced. Directives inside the patch:

``$patch: replace|delete|merge``          on an object: take the patch alone / empty it; as or in a list element: replace
                                          the list / delete the element with this key
``$deleteFromPrimitiveList/FIELD: [...]`` remove scalars from a merging list
``$setElementOrder/FIELD: [...]``         the order that the sender wants among the elements it knows
``$retainKeys: [...]``                    drop every key of the object that is not named here
``FIELD: null``                           delete the field

Order: elements that the patch names come in the patch's (or ``$setElementOrder``'s) order, elements only on the server
keep theirs; the two sequences interleave by the server's order, and elements new to the server come as early as they
can. Source: https://git.k8s.io/community/contributors/devel/sig-api-machinery/strategic-merge-patch.md
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from nsorch.api.patch.refused import PatchRefused
from nsorch.api.patch.schema import FieldRule, Node, rule

DIRECTIVE = "$patch"
RETAIN_KEYS = "$retainKeys"
DELETE_FROM = "$deleteFromPrimitiveList"
SET_ORDER = "$setElementOrder"


def merge(model: Node | None, current: Any, patch: Any) -> dict[str, Any]:
    """``current`` (a JSON object of ``model``) with ``patch`` applied, as a new object; arguments are not changed.

    Raises PatchRefused 400 for a malformed patch and 422 for one that does not fit the object.
    """
    if not isinstance(patch, Mapping):
        raise PatchRefused.bad("cannot decode strategic merge patch: the body must be a JSON object")
    return _merge_object(model, current if isinstance(current, Mapping) else {}, patch, "")


def _merge_object(
    model: Node | None, current: Mapping[str, Any], patch: Mapping[str, Any], path: str
) -> dict[str, Any]:
    directive = patch.get(DIRECTIVE)
    if directive == "replace":
        replacement: dict[str, Any] = _plain({name: value for name, value in patch.items() if name != DIRECTIVE})
        return replacement
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise PatchRefused.bad(f"unknown patch type: {directive!r} in {path or 'the patch'} (replace, delete or merge)")

    result = dict(current)
    if RETAIN_KEYS in patch:
        result = _retain(result, patch, path)
    orders: dict[str, list[Any]] = {}
    for name, value in patch.items():
        if name.startswith(SET_ORDER):
            orders[_target(name)] = _listed(value, name)
    for name in orders:
        if name not in patch and name in result:
            result[name] = _order_only(rule(model, name), result[name], orders[name], f"{path}.{name}".lstrip("."))
    for name, value in patch.items():
        if name in (DIRECTIVE, RETAIN_KEYS) or name.startswith(SET_ORDER):
            continue
        if name.startswith(DELETE_FROM):
            target = _target(name)
            if isinstance(result.get(target), list):
                unwanted = {_identity(item) for item in _listed(value, name)}
                result[target] = [item for item in result[target] if _identity(item) not in unwanted]
            continue
        if value is None:
            result.pop(name, None)
            continue
        result[name] = _merge_value(
            rule(model, name), result.get(name), value, orders.get(name), f"{path}.{name}".lstrip(".")
        )
    return result


def _merge_value(field: FieldRule, current: Any, patch: Any, order: list[Any] | None, path: str) -> Any:
    if isinstance(patch, Mapping):
        if not isinstance(current, Mapping) or "replace" in field.strategies:
            return _plain(patch)
        if field.container == "map":
            return _merge_map(field, current, patch, path)
        return _merge_object(field.model, current, patch, path)
    # A list that the object does not have yet is taken as it is: two ports of one number (TCP and UDP) both stay.
    if isinstance(patch, list) and field.merges and isinstance(current, list):
        return _merge_list(field, current, patch, order, path)
    return _plain(patch)


def _merge_map(field: FieldRule, current: Mapping[str, Any], patch: Mapping[str, Any], path: str) -> dict[str, Any]:
    """``dict[str, X]``: its keys are data, the directives still count; values of a model merge as that model."""
    if field.model is None or DIRECTIVE in patch:
        return _merge_object(None, current, patch, path)
    result = dict(current)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _merge_value(FieldRule(model=field.model), result.get(name), value, None, f"{path}.{name}")
    return result


def _merge_list(
    field: FieldRule, current: list[Any], patch: list[Any], order: list[Any] | None, path: str
) -> list[Any]:
    if any(isinstance(item, list) for item in (*current, *patch)):
        raise PatchRefused.inapplicable(f"lists of lists are not supported ({path})")
    if not any(isinstance(item, Mapping) for item in (*current, *patch)):
        merged = list({_identity(item): item for item in (*patch, *current)}.values())
        return _ordered(merged, order if order is not None else patch, current, _identity)
    if not all(isinstance(item, Mapping) for item in (*current, *patch)):
        raise PatchRefused.inapplicable(f"list element types are not identical in {path}")
    key = field.merge_key
    if not key:
        raise PatchRefused.inapplicable(f"cannot merge lists without merge key ({path})")

    ordinary, current = _special_elements(current, patch, key, path)
    merged = list(current)
    places: dict[Hashable, int] = {}
    for place, item in enumerate(merged):
        places.setdefault(_identity(_key_of(item, key, path)), place)
    for item in ordinary:
        identity = _identity(_key_of(item, key, path))
        if identity in places:
            place = places[identity]
            merged[place] = _merge_object(field.model, merged[place], item, f"{path}[{key}={item[key]}]")
        else:
            places[identity] = len(merged)
            merged.append(_plain(item))
    if order is not None:
        _check_order(ordinary, order, key, path)
    return _ordered(merged, order if order is not None else ordinary, current, _by(key))


def _special_elements(
    current: list[Any], patch: list[Any], key: str, path: str
) -> tuple[list[Mapping[str, Any]], list[Any]]:
    """The patch's elements without directives, and ``current`` after the directives of the others."""
    ordinary: list[Mapping[str, Any]] = []
    unwanted: set[Hashable] = set()
    replace = False
    for item in patch:
        directive = item.get(DIRECTIVE)
        if directive is None:
            ordinary.append(item)
        elif directive == "delete":
            unwanted.add(_identity(_key_of(item, key, path)))
        elif directive == "replace":
            replace = True
        elif directive == "merge":
            ordinary.append({name: value for name, value in item.items() if name != DIRECTIVE})
        else:
            raise PatchRefused.bad(f"unknown patch type: {directive!r} in {path} (replace, delete or merge)")
    if replace:
        return [], [_plain(item) for item in ordinary]
    if unwanted:
        current = [item for item in current if _identity(item.get(key)) not in unwanted]
    return ordinary, current


def _order_only(field: FieldRule, current: Any, order: list[Any], path: str) -> Any:
    """``$setElementOrder`` for a list that the patch does not change otherwise."""
    if not isinstance(current, list) or not field.merges:
        return current
    key = field.merge_key
    if not key:
        return _ordered(current, order, current, _identity)
    if not all(isinstance(item, Mapping) for item in (*current, *order)):
        raise PatchRefused.bad(f"invalid patch format of {SET_ORDER} list of {path}: objects with {key} are needed")
    return _ordered(current, order, current, _by(key))


def _ordered(merged: list[Any], wanted: list[Any], server: list[Any], identify: Callable[[Any], Hashable]) -> list[Any]:
    """Put ``merged`` into order: elements of ``wanted`` in its order, others in the order of ``server``, interleaved."""
    wants = _places(wanted, identify)
    serves = _places(server, identify)
    named: list[tuple[int, Any]] = []
    others: list[tuple[int, Any]] = []
    for item in merged:
        identity = identify(item)
        if identity in wants:
            named.append((wants[identity], item))
        else:
            others.append((serves.get(identity, -1), item))
    ours = deque(item for _, item in sorted(named, key=lambda entry: entry[0]))
    theirs = deque(item for _, item in sorted(others, key=lambda entry: entry[0]))

    result: list[Any] = []
    while ours and theirs:
        first, second = serves.get(identify(theirs[0]), -1), serves.get(identify(ours[0]), -1)
        source = theirs if 0 <= first < second else ours
        result.append(source.popleft())
    return [*result, *ours, *theirs]


def _places(items: list[Any], identify: Callable[[Any], Hashable]) -> dict[Hashable, int]:
    """The first place of each element."""
    places: dict[Hashable, int] = {}
    for place, item in enumerate(items):
        places.setdefault(identify(item), place)
    return places


def _check_order(patch: list[Mapping[str, Any]], order: list[Any], key: str, path: str) -> None:
    """Elements of the patch must stand in ``$setElementOrder`` in the same relative order."""
    if not order:
        return
    if not all(isinstance(item, Mapping) for item in order):
        raise PatchRefused.bad(f"invalid patch format of {SET_ORDER} list of {path}: objects with {key} are needed")
    places = _places(order, _by(key))
    found = [places.get(_identity(item.get(key)), -1) for item in patch]
    if -1 in found or found != sorted(found):
        raise PatchRefused.bad(f"the order in patch list {path} doesn't match {SET_ORDER} list: {json.dumps(order)}")


def _retain(current: dict[str, Any], patch: Mapping[str, Any], path: str) -> dict[str, Any]:
    keep = patch[RETAIN_KEYS]
    if not isinstance(keep, list) or not all(isinstance(name, str) for name in keep):
        raise PatchRefused.bad(f"invalid patch format of retainKeys in {path}: a list of field names is needed")
    for name, value in patch.items():
        if value is not None and not name.startswith("$") and name not in keep:
            raise PatchRefused.bad(f"invalid patch format of retainKeys in {path}: {name} is set but not retained")
    return {name: value for name, value in current.items() if name in keep}


def _plain(value: Any) -> Any:
    """A value of the patch as it is stored: without nulls in objects, without directives."""
    if isinstance(value, Mapping):
        if value.get(DIRECTIVE) == "delete":
            return {}
        return {
            name: _plain(inner)
            for name, inner in value.items()
            if inner is not None
            and name not in (DIRECTIVE, RETAIN_KEYS)
            and not name.startswith((DELETE_FROM, SET_ORDER))
        }
    if isinstance(value, list):
        return [
            _plain(item)
            for item in value
            if not (isinstance(item, Mapping) and item.get(DIRECTIVE) in ("delete", "replace"))
        ]
    return value


def _target(name: str) -> str:
    """``containers`` of ``$setElementOrder/containers``."""
    directive, slash, field = name.partition("/")
    if directive not in (SET_ORDER, DELETE_FROM) or not slash or not field:
        raise PatchRefused.bad(f"invalid patch format of {name!r}: {directive}/FIELD is needed")
    return field


def _listed(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise PatchRefused.bad(f"invalid patch format of {name}: a list is needed")
    return value


def _key_of(item: Mapping[str, Any], key: str, path: str) -> Any:
    if key not in item:
        raise PatchRefused.bad(f"map: {json.dumps(dict(item))} does not contain declared merge key: {key} ({path})")
    return item[key]


def _by(key: str) -> Callable[[Any], Hashable]:
    return lambda item: _identity(item.get(key))


def _identity(value: Any) -> Hashable:
    """What makes two JSON values the same: their value, and that true is not 1."""
    if isinstance(value, dict | list):
        return json.dumps(value, sort_keys=True)
    return isinstance(value, bool), value
