"""Three-way apply: what was applied last, what is applied now, what lives -> what shall live.

The rule of ``kubectl apply``: a field in the new manifest wins; a field that was in the last applied manifest and is not
in the new one goes; every other field stays as it lives (defaults, and what others set). Lists that merge by key do so
element by element; other lists are replaced. The last applied manifest is kept in an annotation.
Source: https://kubernetes.io/docs/tasks/manage-kubernetes-objects/declarative-config/#how-apply-calculates-differences
"""

from __future__ import annotations

import copy
import json
from typing import Any

from pydantic import BaseModel

from nsorch.api.patch.schema import FieldRule, Node, rule

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def apply(model: type[BaseModel], live: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """The object that shall live, with the annotation renewed; arguments are not changed."""
    before = last_applied(live)
    result = _object(model, before, annotated(wanted), live)
    result["apiVersion"], result["kind"] = live["apiVersion"], live["kind"]
    if "status" in live:
        result["status"] = live["status"]
    return result


def annotated(wanted: dict[str, Any]) -> dict[str, Any]:
    """``wanted`` carrying itself in the annotation, as kubectl writes it."""
    plain = copy.deepcopy(wanted)
    plain.pop("status", None)
    meta = plain.setdefault("metadata", {})
    annotations = dict(meta.get("annotations") or {})
    annotations.pop(LAST_APPLIED, None)
    meta["annotations"] = annotations
    text = json.dumps(plain, separators=(",", ":"), ensure_ascii=False) + "\n"
    annotations[LAST_APPLIED] = text
    return plain


def last_applied(live: dict[str, Any]) -> dict[str, Any]:
    """The manifest applied last; empty if there was none or it cannot be read."""
    text = (live.get("metadata", {}).get("annotations") or {}).get(LAST_APPLIED)
    try:
        stored = json.loads(text) if text else {}
    except ValueError:
        return {}
    return stored if isinstance(stored, dict) else {}


def _object(model: Node | None, before: dict[str, Any], wanted: dict[str, Any], live: dict[str, Any]) -> dict[str, Any]:
    result = {name: value for name, value in live.items() if name in wanted or name not in before}
    for name, value in wanted.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _value(rule(model, name), before.get(name), value, live.get(name))
    return result


def _value(field: FieldRule, before: Any, wanted: Any, live: Any) -> Any:
    if isinstance(wanted, dict) and isinstance(live, dict):
        model = None if field.container else field.model
        merged = _object(model, before if isinstance(before, dict) else {}, wanted, live)
        if "retainKeys" in field.strategies:
            return {name: value for name, value in merged.items() if name in wanted}
        return merged
    if isinstance(wanted, list) and isinstance(live, list) and field.merges:
        return _list(field, before if isinstance(before, list) else [], wanted, live)
    return wanted


def _list(field: FieldRule, before: list[Any], wanted: list[Any], live: list[Any]) -> list[Any]:
    """The wanted elements in their order, then live ones that nobody dropped."""

    def key(item: Any) -> Any:
        return item.get(field.merge_key) if field.merge_key and isinstance(item, dict) else json.dumps(item)

    was = {key(item): item for item in before}
    lives = {key(item): item for item in live}
    result = []
    for item in wanted:
        if isinstance(item, dict) and isinstance(lives.get(key(item)), dict):
            old = was.get(key(item))
            item = _object(field.model, old if isinstance(old, dict) else {}, item, lives[key(item)])
        result.append(item)
    named = {key(item) for item in wanted}
    return result + [item for k, item in lives.items() if k not in named and k not in was]
