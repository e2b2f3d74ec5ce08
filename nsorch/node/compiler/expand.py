"""``$(VAR)`` expansion in command, args, env values and subPathExpr.

Rules (Kubernetes, "third_party/forked/golang/expansion"): ``$(NAME)`` is replaced when NAME is known and left as
written when not; ``$$`` is one ``$``; any other ``$`` stands for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping


def expand(text: str, lookup: Mapping[str, str] | Callable[[str], str | None]) -> str:
    """``text`` with every known reference replaced, left to right, not recursively."""
    if "$" not in text:
        return text
    find = lookup if callable(lookup) else lookup.get
    out: list[str] = []
    at = 0
    while True:
        dollar = text.find("$", at)
        if dollar < 0 or dollar + 1 >= len(text):
            out.append(text[at:])
            return "".join(out)
        out.append(text[at:dollar])
        follower = text[dollar + 1]
        if follower == "$":
            out.append("$")
            at = dollar + 2
        elif follower == "(":
            end = text.find(")", dollar + 2)
            if end < 0:
                out.append("$(")
                at = dollar + 2
                continue
            value = find(text[dollar + 2 : end])
            out.append(text[dollar : end + 1] if value is None else value)
            at = end + 1
        else:
            out.append("$" + follower)
            at = dollar + 2


def unknown_references(text: str, lookup: Mapping[str, str]) -> list[str]:
    """Names referenced by ``text`` that ``lookup`` does not know; for subPathExpr, where that is an error."""
    missing: list[str] = []

    def find(name: str) -> str | None:
        if name not in lookup:
            missing.append(name)
        return ""

    expand(text, find)
    return missing
