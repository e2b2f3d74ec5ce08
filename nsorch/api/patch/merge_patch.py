"""JSON merge patch, RFC 7386: objects merge, null deletes, everything else (lists too) replaces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merge(current: Any, patch: Any) -> Any:
    """``current`` with ``patch`` applied. Neither argument is changed; unchanged parts are shared with ``current``."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(current) if isinstance(current, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge(result.get(name), value)
    return result


def difference(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The smallest merge patch that turns ``current`` into ``wanted``; ``wanted`` must hold no nulls, which a merge
    patch cannot set."""
    patch: dict[str, Any] = {name: None for name in current if name not in wanted}
    for name, value in wanted.items():
        if name not in current:
            patch[name] = value
            continue
        old = current[name]
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            inner = difference(old, value)
            if inner:
                patch[name] = inner
        elif old != value or type(old) is not type(value):
            patch[name] = value
    return patch
