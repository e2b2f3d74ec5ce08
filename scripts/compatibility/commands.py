"""Which kubectl commands the tests drive: read off the tests' own text."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2] / "tests" / "kubectl"
METHODS = frozenset({"kubectl", "out", "fails", "following"})
GROUPS = frozenset({"auth", "config", "create", "rollout", "set"})
"""Commands whose next word is a command of its own."""
LONG = {"cm": "configmap"}


def commands() -> dict[str, set[str]]:
    """``rollout undo`` -> the options that are used with it (``--to-revision``, ``-o wide`` as ``-o``)."""
    found: dict[str, set[str]] = {}
    for path in sorted(TESTS.glob("test_kubectl_*.py")):
        for words in _calls(ast.parse(path.read_text())):
            name, options = _split(words)
            if name:
                found.setdefault(name, set()).update(options)
    return dict(sorted(found.items()))


def _calls(tree: ast.AST) -> Iterator[list[str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
            words = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            yield [word for word in words if isinstance(word, str)]


def _split(words: list[str]) -> tuple[str, list[str]]:
    before = words[: words.index("--")] if "--" in words else words
    options = [word.partition("=")[0] for word in before if word.startswith("-") and word not in ("-", "--")]
    if not before or not before[0].replace("-", "").isalpha():
        return "", []
    if before[0] in GROUPS and len(before) > 1 and not before[1].startswith("-"):
        return f"{before[0]} {LONG.get(before[1], before[1])}", options
    return before[0], options
