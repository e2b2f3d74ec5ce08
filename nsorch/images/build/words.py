"""Words and variables of Containerfiles: ``$NAME``, ``${NAME}``, ``${NAME:-default}``, ``${NAME:+other}``, quotes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from nsorch.images.build.errors import BuildError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def split(text: str, escape: str = "\\") -> list[str]:
    """Words of ``text``, separated by blanks outside quotes; quotes and escapes are left in."""
    words: list[str] = []
    word = ""
    quote = ""
    started = False
    position = 0
    while position < len(text):
        sign = text[position]
        if sign == escape and quote != "'" and position + 1 < len(text):
            word += text[position : position + 2]
            started = True
            position += 2
            continue
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'":
            quote = sign
        elif sign.isspace():
            if started:
                words.append(word)
            word, started = "", False
            position += 1
            continue
        word += sign
        started = True
        position += 1
    if quote:
        raise BuildError(f"the quote {quote} is not closed")
    if started:
        words.append(word)
    return words


def expand(text: str, variables: Mapping[str, str], escape: str = "\\") -> str:
    """``text`` with variables replaced and quotes removed, as the builder does it outside RUN, CMD and ENTRYPOINT."""
    out: list[str] = []
    quote = ""
    position = 0
    while position < len(text):
        sign = text[position]
        if quote == "'":
            if sign == "'":
                quote = ""
            else:
                out.append(sign)
            position += 1
        elif sign == escape and position + 1 < len(text):
            following = text[position + 1]
            if quote == '"' and following not in f'"${escape}':
                out.append(sign)
            out.append(following)
            position += 2
        elif sign == '"':
            quote = "" if quote else '"'
            position += 1
        elif sign == "'" and not quote:
            quote = "'"
            position += 1
        elif sign == "$":
            value, position = _variable(text, position, variables, escape)
            out.append(value)
        else:
            out.append(sign)
            position += 1
    if quote:
        raise BuildError(f"the quote {quote} is not closed")
    return "".join(out)


def assignments(text: str, variables: Mapping[str, str], escape: str = "\\") -> list[tuple[str, str]]:
    """``A=1 B="x y"``, or the old form ``A the rest is the value``, of ENV and LABEL."""
    words = split(text, escape)
    if not words:
        raise BuildError("it needs NAME=VALUE")
    if "=" not in words[0]:
        name = words[0]
        rest = text.strip()[len(name) :].strip()
        if not rest:
            raise BuildError(f'"{name}" has no value: write {name}=VALUE')
        return [(expand(name, variables, escape), expand(rest, variables, escape))]
    pairs = []
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise BuildError(f'"{word}" is not NAME=VALUE; quote values that contain blanks')
        pairs.append((expand(name, variables, escape), expand(value, variables, escape)))
    return pairs


def _variable(text: str, position: int, variables: Mapping[str, str], escape: str) -> tuple[str, int]:
    """The value of the variable at ``position`` (a ``$``) and where the text goes on."""
    if text.startswith("${", position):
        end = _closing(text, position + 2, escape)
        inner = text[position + 2 : end]
        match = _NAME.match(inner)
        if not match:
            raise BuildError(f'"${{{inner}}}" names no variable')
        value = variables.get(match[0], "")
        rest = inner[match.end() :]
        if not rest:
            return value, end + 1
        operator = rest[:2] if rest.startswith(":") else rest[:1]
        word = rest[len(operator) :]
        present = bool(value) if operator.startswith(":") else match[0] in variables
        if operator in (":-", "-"):
            return (value if present else expand(word, variables, escape)), end + 1
        if operator in (":+", "+"):
            return (expand(word, variables, escape) if present else ""), end + 1
        if operator in (":?", "?"):
            if not present:
                raise BuildError(f"{match[0]}: {expand(word, variables, escape) or 'not set'}")
            return value, end + 1
        raise BuildError(f'"${{{inner}}}": unsupported modifier "{operator}" (known: :- - :+ + :? ?)')
    match = _NAME.match(text, position + 1)
    if not match:
        return "$", position + 1
    return variables.get(match[0], ""), match.end()


def _closing(text: str, start: int, escape: str) -> int:
    depth = 1
    position = start
    while position < len(text):
        if text[position] == escape:
            position += 2
            continue
        if text.startswith("${", position):
            depth += 1
            position += 2
            continue
        if text[position] == "}":
            depth -= 1
            if not depth:
                return position
        position += 1
    raise BuildError('"${" is not closed')
