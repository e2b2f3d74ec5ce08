"""Label selectors and field selectors: parsing of their text forms, and matching.

A parsed selector is an immutable tuple of requirements, all of which must hold; the empty selector matches all.

Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from nsorch.resources import names
from nsorch.resources.common import LabelSelector


class SelectorError(ValueError):
    """The text is no selector."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label. ``operator``: In, NotIn, Exists, DoesNotExist, Gt, Lt."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether it holds. NotIn also holds where the label is absent."""
        value = labels.get(self.key)
        if self.operator == "In":
            return value is not None and value in self.values
        if self.operator == "NotIn":
            return value is None or value not in self.values
        if self.operator == "Exists":
            return value is not None
        if self.operator == "DoesNotExist":
            return value is None
        try:
            number, bound = int(value or ""), int(self.values[0])
        except ValueError:
            return False
        return number > bound if self.operator == "Gt" else number < bound

    def __str__(self) -> str:
        values = ",".join(sorted(self.values))
        if self.operator == "In":
            return f"{self.key}={values}" if len(self.values) == 1 else f"{self.key} in ({values})"
        if self.operator == "NotIn":
            return f"{self.key}!={values}" if len(self.values) == 1 else f"{self.key} notin ({values})"
        if self.operator == "Exists":
            return self.key
        if self.operator == "DoesNotExist":
            return f"!{self.key}"
        return f"{self.key}{'>' if self.operator == 'Gt' else '<'}{values}"


@dataclass(frozen=True, slots=True)
class Selector:
    """Requirements that must all hold. ``nothing`` matches no object at all."""

    requirements: tuple[Requirement, ...] = ()
    nothing: bool = False

    def matches(self, labels: Mapping[str, str] | None) -> bool:
        """Whether an object with these labels is selected."""
        if self.nothing:
            return False
        return all(requirement.matches(labels or {}) for requirement in self.requirements)

    def __bool__(self) -> bool:
        """False for the selector that matches everything."""
        return self.nothing or bool(self.requirements)

    def __str__(self) -> str:
        return ",".join(str(requirement) for requirement in self.requirements)


EVERYTHING = Selector()
NOTHING = Selector(nothing=True)

_OPERATORS = {"In", "NotIn", "Exists", "DoesNotExist"}
_TOKEN = re.compile(r"\s*(?:(?P<mark>!=|==|[=!<>(),])|(?P<word>[^\s=!<>(),]+))")


def of_labels(labels: Mapping[str, str] | None) -> Selector:
    """The selector of equality with every one of ``labels`` (Service selectors, nodeSelectors). None: NOTHING."""
    if labels is None:
        return NOTHING
    return Selector(tuple(Requirement(key, "In", (value,)) for key, value in sorted(labels.items())))


def of_selector(selector: LabelSelector | None) -> Selector:
    """The selector of a ``metav1.LabelSelector``. None matches nothing, ``{}`` everything. SelectorError if wrong."""
    if selector is None:
        return NOTHING
    found = [Requirement(key, "In", (value,)) for key, value in (selector.matchLabels or {}).items()]
    for expression in selector.matchExpressions or ():
        if expression.operator not in _OPERATORS:
            raise SelectorError(f'"{expression.operator}" is not a valid label selector operator')
        found.append(Requirement(expression.key, expression.operator, tuple(expression.values or ())))
    return Selector(tuple(sorted(found, key=lambda requirement: requirement.key)))


def matches(selector: LabelSelector | None, labels: Mapping[str, str] | None) -> bool:
    """Whether ``labels`` satisfy a ``metav1.LabelSelector``, without building a parsed one."""
    if selector is None:
        return False
    have = labels or {}
    for key, value in (selector.matchLabels or {}).items():
        if have.get(key) != value:
            return False
    return all(
        Requirement(expression.key, expression.operator, tuple(expression.values or ())).matches(have)
        for expression in selector.matchExpressions or ()
    )


@lru_cache(maxsize=256)
def parse_labels(text: str) -> Selector:
    """Parse ``a=b,c==d,e!=f,g in (x,y),h notin (z),i,!j,k>1``; SelectorError says where it is wrong."""
    tokens = _tokens(text)
    found: list[Requirement] = []
    while tokens:
        found.append(_requirement(tokens))
        if not tokens:
            break
        comma = tokens.pop(0)
        if comma != ",":
            raise SelectorError(f"unable to parse requirement: found '{comma}', expected: ',' or 'end of string'")
        if not tokens:
            raise SelectorError("unable to parse requirement: found '', expected: identifier after ','")
    return Selector(tuple(found))


def _tokens(text: str) -> list[str]:
    tokens, at, end = [], 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise SelectorError(f"unable to parse requirement: found '{text[at:]}'")
        tokens.append(match["mark"] or match["word"])
        at = match.end()
    return tokens


def _requirement(tokens: list[str]) -> Requirement:
    if tokens[0] == "!":
        tokens.pop(0)
        return Requirement(_key(tokens), "DoesNotExist")
    key = _key(tokens)
    if not tokens or tokens[0] == ",":
        return Requirement(key, "Exists")
    operator = tokens.pop(0)
    if operator in ("in", "notin"):
        values = _values(tokens)
        return Requirement(key, "In" if operator == "in" else "NotIn", values)
    if operator in ("=", "==", "!="):
        value = "" if not tokens or tokens[0] == "," else tokens.pop(0)
        _check_value(key, value)
        return Requirement(key, "NotIn" if operator == "!=" else "In", (value,))
    if operator in ("<", ">"):
        value = tokens.pop(0) if tokens else ""
        if not re.fullmatch(r"-?\d+", value):
            raise SelectorError(
                f"values[0][{key}]: Invalid value: \"{value}\": for 'Gt', 'Lt' operators, the value must be an integer"
            )
        return Requirement(key, "Gt" if operator == ">" else "Lt", (value,))
    raise SelectorError(f"unable to parse requirement: found '{operator}', expected: in, notin, =, ==, !=, gt, lt")


def _key(tokens: list[str]) -> str:
    key = tokens.pop(0) if tokens else ""
    if wrong := names.qualified_name(key):
        raise SelectorError(f'unable to parse requirement: key: Invalid value: "{key}": {"; ".join(wrong)}')
    return key


def _values(tokens: list[str]) -> tuple[str, ...]:
    if not tokens or tokens.pop(0) != "(":
        raise SelectorError("unable to parse requirement: found '', expected: '('")
    values: list[str] = []
    expect_value = True
    while tokens:
        token = tokens.pop(0)
        if token == ")":
            if expect_value:
                values.append("")
            return tuple(dict.fromkeys(values))
        if token == ",":
            if expect_value:
                values.append("")
            expect_value = True
        else:
            _check_value("values", token)
            values.append(token)
            expect_value = False
    raise SelectorError("unable to parse requirement: found '', expected: ',' or ')'")


def _check_value(key: str, value: str) -> None:
    if wrong := names.label_value(value):
        raise SelectorError(
            f'unable to parse requirement: values[0][{key}]: Invalid value: "{value}": {"; ".join(wrong)}'
        )


@dataclass(frozen=True, slots=True)
class FieldRequirement:
    """``field=value``, or ``field!=value`` where not ``equal``."""

    field: str
    value: str
    equal: bool = True


@lru_cache(maxsize=256)
def parse_fields(text: str) -> tuple[FieldRequirement, ...]:
    r"""Parse ``metadata.name=a,spec.nodeName!=b``; ``\`` escapes comma, equals and itself. SelectorError if wrong."""
    found = []
    for term in _split_unescaped(text):
        if not term:
            continue
        match = re.match(r"((?:\\.|[^\\=!])*)(==|!=|=)(.*)", term, re.DOTALL)
        if match is None:
            raise SelectorError(f"invalid selector: '{text}'; can't understand '{term}'")
        found.append(FieldRequirement(match[1].strip(), _unescape(match[3]), match[2] != "!="))
    return tuple(found)


def _split_unescaped(text: str) -> list[str]:
    return list(re.findall(r"((?:\\.|[^\\,])*)(?:,|$)", text)) if text else []


def _unescape(value: str) -> str:
    if re.search(r"(?<!\\)(?:\\\\)*\\(?![\\,=])", value):
        raise SelectorError(f"invalid field selector: invalid escape sequence in value: {value}")
    if re.search(r"(?<!\\)(?:\\\\)*=", value):
        raise SelectorError(f"invalid field selector: unescaped character in value: {value}")
    return re.sub(r"\\(.)", r"\1", value)
