"""``.dockerignore``: which files of a context do not count.

Patterns are Go's ``filepath.Match`` plus ``**`` (any number of folders); ``!`` takes back; the last match decides.
"""

from __future__ import annotations

import re
from pathlib import Path

FILES = (".containerignore", ".dockerignore")


class Ignore:
    def __init__(self, patterns: list[str]) -> None:
        self._rules: list[tuple[bool, re.Pattern[str]]] = []
        for pattern in patterns:
            keep = pattern.startswith("!")
            body = pattern.removeprefix("!").strip().strip("/")
            if body in ("", "."):
                continue
            # a folder's pattern covers everything below it
            self._rules.append((keep, re.compile(translate(body) + r"(?:/.*)?", re.DOTALL)))

    @classmethod
    def of(cls, context: Path) -> Ignore:
        """The rules of a context folder."""
        for name in FILES:
            try:
                lines = (context / name).read_text(errors="replace").splitlines()
            except FileNotFoundError:
                continue
            return cls([line.strip() for line in lines if line.strip() and not line.startswith("#")])
        return cls([])

    def ignores(self, path: str) -> bool:
        """``path`` is relative to the context, with ``/``."""
        ignored = False
        for keep, pattern in self._rules:
            if ignored == keep and pattern.fullmatch(path):
                ignored = not keep
        return ignored

    @property
    def takes_back(self) -> bool:
        """Some pattern starts with ``!``: even an ignored folder may hold something wanted."""
        return any(keep for keep, _ in self._rules)


def translate(pattern: str) -> str:
    """The regular expression of a glob: ``*`` and ``?`` stop at ``/``, ``**`` does not."""
    out = ""
    position = 0
    while position < len(pattern):
        sign = pattern[position]
        if pattern.startswith("**/", position):
            out += "(?:.*/)?"
            position += 3
        elif pattern.startswith("**", position):
            out += ".*"
            position += 2
        elif sign == "*":
            out += "[^/]*"
            position += 1
        elif sign == "?":
            out += "[^/]"
            position += 1
        elif sign == "[" and (end := pattern.find("]", position + 2)) > 0:
            out += "[" + pattern[position + 1 : end].replace("\\", "\\\\").replace("[", "\\[") + "]"
            position = end + 1
        elif sign == "\\" and position + 1 < len(pattern):
            out += re.escape(pattern[position + 1])
            position += 2
        else:
            out += re.escape(sign)
            position += 1
    return out
