"""JSON Patch, RFC 6902, on RFC 6901 pointers, with the limits that the Kubernetes API server sets.

All operations apply, or none: the given document is never changed. Error texts follow those that Kubernetes users
know, with the pointer that failed.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any

from nsorch.api.patch.refused import PatchRefused

MAX_OPERATIONS = 10_000
"""Operations in one patch."""

MAX_COPIED_BYTES = 3 * 1024 * 1024
"""JSON bytes that all ``copy`` operations of one patch may duplicate: a short patch must not be able to double a
document a thousand times."""


def apply(current: Any, operations: Any) -> Any:
    """``current`` after all ``operations``, as a new document.

    Raises PatchRefused: 400 for a malformed patch, 413 over a limit, 422 for one that does not fit.
    """
    if not isinstance(operations, list):
        raise PatchRefused.bad("cannot decode JSON patch: the body must be a list of operations")
    if len(operations) > MAX_OPERATIONS:
        raise PatchRefused.too_large(
            f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(operations)}"
        )
    document = _Document(copy.deepcopy(current))
    for number, operation in enumerate(operations):
        if not isinstance(operation, Mapping):
            raise PatchRefused.bad(f"cannot decode JSON patch: operation {number} is not an object")
        name = operation.get("op")
        perform = _OPERATIONS.get(name) if isinstance(name, str) else None
        if perform is None:
            raise PatchRefused.bad(
                f"cannot decode JSON patch: operation {number}: op {name!r} is none of {', '.join(_OPERATIONS)}"
            )
        perform(document, operation, number)
    return document.root


def equal(left: Any, right: Any) -> bool:
    """JSON equality: numbers by value, booleans are not numbers, objects without order."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(equal(value, right[name]) for name, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(equal(a, b) for a, b in zip(left, right, strict=True))
    return bool(left == right)


class _Document:
    """The document while operations change it."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self.copied = 0

    def resolve(self, pointer: str, tokens: list[str], verb: str) -> Any:
        """The value at ``tokens``; PatchRefused if there is none."""
        node = self.root
        for token in tokens:
            if isinstance(node, dict) and token in node:
                node = node[token]
            elif isinstance(node, list) and (index := _index(token, len(node) - 1)) is not None:
                node = node[index]
            else:
                raise PatchRefused.inapplicable(
                    f'{verb} operation does not apply: doc is missing path: "{pointer}": missing value'
                )
        return node

    def add(self, pointer: str, tokens: list[str], value: Any, verb: str = "add") -> None:
        if not tokens:
            self.root = value
            return
        parent = self.resolve(pointer, tokens[:-1], verb)
        last = tokens[-1]
        if isinstance(parent, dict):
            parent[last] = value
        elif isinstance(parent, list):
            index = len(parent) if last == "-" else _index(last, len(parent))
            if index is None:
                raise PatchRefused.inapplicable(
                    f"{verb} operation does not apply: index {last} of {pointer} is not within 0..{len(parent)}"
                )
            parent.insert(index, value)
        else:
            raise PatchRefused.inapplicable(
                f'{verb} operation does not apply: "{pointer}" is not within an object or list'
            )

    def remove(self, pointer: str, tokens: list[str], verb: str = "remove") -> Any:
        if not tokens:
            raise PatchRefused.inapplicable(f"{verb} operation does not apply: the whole document cannot be removed")
        value = self.resolve(pointer, tokens, verb)
        parent = self.resolve(pointer, tokens[:-1], verb)
        if isinstance(parent, dict):
            del parent[tokens[-1]]
        else:
            del parent[int(tokens[-1])]
        return value

    def replace(self, pointer: str, tokens: list[str], value: Any) -> None:
        if not tokens:
            self.root = value
            return
        self.resolve(pointer, tokens, "replace")
        parent = self.resolve(pointer, tokens[:-1], "replace")
        parent[tokens[-1] if isinstance(parent, dict) else int(tokens[-1])] = value


def _index(token: str, highest: int) -> int | None:
    """A list index as RFC 6901 writes it (digits, no leading zero) if it is at most ``highest``."""
    if not token.isascii() or not token.isdigit() or (len(token) > 1 and token[0] == "0"):
        return None
    index = int(token) if len(token) < 12 else highest + 1
    return index if index <= highest else None


def _pointer(operation: Mapping[str, Any], member: str, number: int) -> tuple[str, list[str]]:
    """The pointer's text and its unescaped tokens."""
    text = operation.get(member)
    if not isinstance(text, str):
        raise PatchRefused.bad(f"cannot decode JSON patch: operation {number}: {member} must be a JSON pointer")
    if not text:
        return text, []
    if not text.startswith("/"):
        raise PatchRefused.bad(f'cannot decode JSON patch: operation {number}: {member} "{text}" must start with "/"')
    return text, [token.replace("~1", "/").replace("~0", "~") for token in text[1:].split("/")]


def _value(operation: Mapping[str, Any], number: int) -> Any:
    if "value" not in operation:
        raise PatchRefused.bad(f"cannot decode JSON patch: operation {number}: value is missing")
    return copy.deepcopy(operation["value"])


def _add(document: _Document, operation: Mapping[str, Any], number: int) -> None:
    document.add(*_pointer(operation, "path", number), _value(operation, number))


def _remove(document: _Document, operation: Mapping[str, Any], number: int) -> None:
    document.remove(*_pointer(operation, "path", number))


def _replace(document: _Document, operation: Mapping[str, Any], number: int) -> None:
    document.replace(*_pointer(operation, "path", number), _value(operation, number))


def _move(document: _Document, operation: Mapping[str, Any], number: int) -> None:
    source, from_tokens = _pointer(operation, "from", number)
    target, tokens = _pointer(operation, "path", number)
    if len(tokens) > len(from_tokens) and tokens[: len(from_tokens)] == from_tokens:
        raise PatchRefused.inapplicable(
            f'move operation does not apply: "{source}" cannot move into itself ("{target}")'
        )
    if from_tokens != tokens:
        document.add(target, tokens, document.remove(source, from_tokens, "move"), "move")
    else:
        document.resolve(source, from_tokens, "move")


def _copy(document: _Document, operation: Mapping[str, Any], number: int) -> None:
    source, from_tokens = _pointer(operation, "from", number)
    value = document.resolve(source, from_tokens, "copy")
    document.copied += len(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    if document.copied > MAX_COPIED_BYTES:
        raise PatchRefused.too_large(
            f"copy operations of this JSON patch duplicate more than the allowed {MAX_COPIED_BYTES} bytes"
        )
    document.add(*_pointer(operation, "path", number), copy.deepcopy(value), "copy")


def _test(document: _Document, operation: Mapping[str, Any], number: int) -> None:
    pointer, tokens = _pointer(operation, "path", number)
    wanted = _value(operation, number) if "value" in operation else None
    try:
        found = document.resolve(pointer, tokens, "test")
    except PatchRefused:
        # Kubernetes lets `test` with null succeed on an absent member.
        if wanted is None:
            return
        raise
    if not equal(found, wanted):
        raise PatchRefused.inapplicable(f"testing value {pointer} failed: test failed")


_OPERATIONS: dict[str, Callable[[_Document, Mapping[str, Any], int], None]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}
