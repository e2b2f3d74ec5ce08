"""A Containerfile as a list of instructions: lines joined, comments dropped, flags and JSON forms recognised."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from nsorch.images.build.errors import at

KEYWORDS = frozenset(
    [
        "ADD",
        "ARG",
        "CMD",
        "COPY",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "FROM",
        "HEALTHCHECK",
        "LABEL",
        "MAINTAINER",
        "RUN",
        "SHELL",
        "STOPSIGNAL",
        "USER",
        "VOLUME",
        "WORKDIR",
    ]
)
JSON_FORMS = frozenset({"ADD", "CMD", "COPY", "ENTRYPOINT", "RUN", "SHELL", "VOLUME"})
FLAGS = {
    "FROM": {"platform"},
    "COPY": {"from", "chown", "chmod", "link"},
    "ADD": {"chown", "chmod", "link"},
    "RUN": {"mount", "network"},
    "HEALTHCHECK": {"interval", "timeout", "start-period", "start-interval", "retries"},
}

_FLAG = re.compile(r"--([a-z-]+)(?:=(\S*))?(?:\s+|$)")
_HERE = re.compile(r"(?:^|\s)<<-?[\"']?[A-Za-z_]")
_DIRECTIVE = re.compile(r"#\s*([a-zA-Z]+)\s*=\s*(\S+)\s*$")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction; ``argument`` is its text without flags, ``items`` its JSON form if it has one."""

    line: int
    keyword: str
    argument: str
    items: tuple[str, ...] | None = None
    flags: dict[str, list[str]] = field(default_factory=dict)

    def flag(self, name: str) -> str:
        """The last value of a flag, "" without."""
        return self.flags.get(name, [""])[-1]

    @property
    def text(self) -> str:
        """As written, on one line."""
        flags = "".join(
            f"--{name}={value} " if value else f"--{name} " for name, values in self.flags.items() for value in values
        )
        return f"{self.keyword} {flags}{self.argument}"


@dataclass(frozen=True, slots=True)
class Recipe:
    """A parsed Containerfile."""

    file: str
    escape: str
    instructions: tuple[Instruction, ...]


def parse(text: str, file: str) -> Recipe:
    """Parse; ``ImageError`` (ErrImageBuild) names the line of the first mistake."""
    lines = text.removeprefix("\ufeff").splitlines()
    escape = _escape(lines, file)
    instructions: list[Instruction] = []
    start = 0
    joined = ""
    for number, line in enumerate(lines, 1):
        if line.lstrip().startswith("#") or (joined and not line.strip()):
            continue
        if not joined:
            start = number
        body = line.rstrip() if joined else line.strip()
        if body.endswith(escape):
            joined += body[: -len(escape)]
            continue
        joined += body
        if joined.strip():
            instructions.append(_instruction(joined.strip(), start, file))
        joined = ""
    if joined.strip():
        instructions.append(_instruction(joined.strip(), start, file))
    if not instructions:
        raise at(file, 1, "it has no instruction; the first one must be FROM")
    for instruction in instructions:
        if instruction.keyword == "FROM":
            break
        if instruction.keyword != "ARG":
            raise at(
                file, instruction.line, f"{instruction.keyword} before FROM: only ARG may come before the first FROM"
            )
    else:
        raise at(file, instructions[0].line, "there is no FROM")
    return Recipe(file, escape, tuple(instructions))


def _escape(lines: list[str], file: str) -> str:
    """The line continuation sign; ``# escape=`` at the very top may change it."""
    for number, line in enumerate(lines, 1):
        match = _DIRECTIVE.match(line.strip())
        if not match:
            break
        if match[1].lower() == "escape":
            if match[2] not in ("\\", "`"):
                raise at(file, number, f'escape must be \\ or `, not "{match[2]}"')
            return match[2]
    return "\\"


def _instruction(text: str, line: int, file: str) -> Instruction:
    word, _, rest = text.partition(" ") if "\t" not in text.split(" ", 1)[0] else text.partition("\t")
    keyword = word.upper()
    if keyword not in KEYWORDS:
        if keyword == "ONBUILD":
            raise at(file, line, "ONBUILD is not supported: write the instruction into the recipes that use this image")
        raise at(file, line, f"unknown instruction {word!r}")
    rest = rest.strip()
    flags: dict[str, list[str]] = {}
    while match := _FLAG.match(rest):
        name = match[1]
        if name not in FLAGS.get(keyword, ()):
            allowed = ", ".join(f"--{flag}" for flag in sorted(FLAGS.get(keyword, ()))) or "none"
            raise at(file, line, f"{keyword} does not know the flag --{name} (it knows: {allowed})")
        flags.setdefault(name, []).append(match[2] or "")
        rest = rest[match.end() :]
    if not rest:
        raise at(file, line, f"{keyword} needs an argument")
    if keyword in ("RUN", "COPY", "ADD") and _HERE.search(rest):
        raise at(file, line, "here-documents are not supported: COPY a file, or join commands with && and \\")
    items = _json_form(rest) if keyword in JSON_FORMS else None
    if items == () and keyword in ("RUN", "COPY", "ADD", "SHELL"):
        raise at(file, line, f"{keyword} needs an argument")
    if keyword == "SHELL" and items is None:
        raise at(file, line, 'SHELL must be in JSON form: SHELL ["/bin/sh", "-c"]')
    return Instruction(line, keyword, rest, items, flags)


def _json_form(text: str) -> tuple[str, ...] | None:
    """The strings of ``["a", "b"]``; None if it is anything else, which then counts as shell form (as in Docker)."""
    if not text.startswith("["):
        return None
    try:
        data = json.loads(text)
    except ValueError:
        return None
    if not isinstance(data, list) or not all(isinstance(item, str) for item in data):
        return None
    return tuple(data)
