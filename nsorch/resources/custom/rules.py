"""``x-kubernetes-validations``: rules in the Common Expression Language.

Source: k8s.io/apiextensions-apiserver ``pkg/apiserver/schema/cel/validation.go``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from nsorch.resources import checks
from nsorch.resources.custom.checking import ABSENT, ROOT, matching
from nsorch.resources.custom.schema import EMPTY, Schema, additional, embedded, has_rules, items, properties
from nsorch.resources.registry import Cause

Rule = Mapping[str, Any]

REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
LONGEST_MESSAGE = 5 * 1024

_KEYWORD = re.compile(
    "true|false|null|in|as|break|const|continue|else|for|function|if|import|let|loop|package|namespace|return|var|void|"
    "while"
)
_ESCAPES = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_OPTIONAL = "cel.bind(oldSelf, has(nsorch.old) ? optional.of(nsorch.old) : optional.none(), {})"
"""Makes ``oldSelf`` an optional value: only an expression can make one."""


def check_rules(document: Mapping[str, Any], schema: Schema, old: Any = ABSENT) -> list[Cause]:
    """Every rule that a whole object breaks; ``old`` is what it replaces."""
    return list(_at(document, schema, old, "", whole=True)) if has_rules(schema) else []


def check_compiles(rule: Rule, path: str) -> list[Cause]:
    """What is wrong with a rule itself."""
    from nsorch.resources.cel import CelError

    text = str(rule.get("rule") or "").strip()
    shown = text if text else ""
    if not text:
        return [checks.required(f"{path}.rule", "rule is not specified")]
    causes: list[Cause] = []
    try:
        if (found := _program(text, bool(rule.get("optionalOldSelf"))).type) not in ("bool", "dyn"):
            causes.append(checks.invalid(f"{path}.rule", shown, f"cel expression must evaluate to a bool, not {found}"))
    except CelError as error:
        causes.append(checks.invalid(f"{path}.rule", shown, f"compilation failed: {error}"))
    if rule.get("messageExpression"):
        expression = rule["messageExpression"]
        try:
            if (found := _program(expression, False).type) not in ("string", "dyn"):
                why = f"messageExpression must evaluate to a string, not {found}"
                causes.append(checks.invalid(f"{path}.messageExpression", expression, why))
        except CelError as error:
            why = f"messageExpression compilation failed: {error}"
            causes.append(checks.invalid(f"{path}.messageExpression", expression, why))
    return causes


@lru_cache(maxsize=2048)
def _program(text: str, optional: bool) -> Any:
    from nsorch.resources.cel import compile_rule

    if optional:
        return compile_rule(_OPTIONAL.format(text), "self", "nsorch")
    return compile_rule(text, "self", "oldSelf")


@lru_cache(maxsize=2048)
def _uses_old(text: str) -> bool:
    from nsorch.resources.cel import uses

    return uses(text, "oldSelf")


def _at(value: Any, schema: Schema, old: Any, path: str, *, whole: bool = False) -> Iterator[Cause]:
    if value is None:
        return
    for rule in schema.get("x-kubernetes-validations") or ():
        yield from _one(rule, value, schema, old, path, whole or embedded(schema))
    for part in schema.get("allOf") or ():
        yield from _at(value, {**schema, **part}, old, path, whole=whole) if has_rules(part) else ()
    if isinstance(value, dict):
        fields, rest = properties(schema), additional(schema)
        before = old if isinstance(old, dict) and schema.get("x-kubernetes-map-type") != "atomic" else EMPTY
        for name, inner in value.items():
            found = fields.get(name, rest)
            if found is not None and has_rules(found):
                here = f"{path}.{name}" if path else name
                if name not in fields:
                    here = f"{path}[{name}]"
                yield from _at(inner, found, before.get(name, ABSENT), here)
    elif isinstance(value, list) and (of_items := items(schema)) is not None and has_rules(of_items):
        partner = matching(schema, old)
        for number, item in enumerate(value):
            yield from _at(item, of_items, partner(item), f"{path}[{number}]")


def _one(rule: Rule, value: Any, schema: Schema, old: Any, path: str, whole: bool) -> Iterator[Cause]:
    from nsorch.resources.cel import CelError

    text = rule["rule"].strip()
    optional = bool(rule.get("optionalOldSelf"))
    uses_old = _uses_old(text)
    if old is None:
        old = ABSENT
    if uses_old and old is ABSENT and not optional:
        return  # a rule about a change, and there is none
    if not uses_old and old is not ABSENT and old == value:
        return  # it was like that before: whoever changes something else need not repair it
    kind = schema.get("type") or ""
    shown = value if kind not in ("object", "array") else kind
    variables: dict[str, Any] = {"self": to_cel(value, schema, whole)}
    before = None if old is ABSENT else to_cel(old, schema, whole)
    if optional:
        variables["nsorch"] = {} if old is ABSENT else {"old": before}
    else:
        variables["oldSelf"] = before
    try:
        if _program(text, optional).evaluate(variables) is True:
            return
    except CelError as error:
        named = (rule.get("message") or text).strip()
        if str(error) == "no such overload":
            why = (
                f"'{error}': call arguments did not match a supported operator, function or macro signature "
                f"for rule: {named}"
            )
        else:
            why = f"{error} evaluating rule: {named}"
        yield checks.invalid(path or ROOT, shown, why)
        return
    here = path + _relative(rule.get("fieldPath") or "")
    yield _refusal(here.removeprefix(".") or ROOT, shown, _message(rule, text, variables), rule.get("reason"))


def _message(rule: Rule, text: str, variables: dict[str, Any]) -> str:
    from nsorch.resources.cel import CelError

    if rule.get("messageExpression"):
        try:
            said = _program(rule["messageExpression"], False).evaluate({"oldSelf": None, **variables})
        except CelError:
            said = None
        if isinstance(said, str) and 0 < len(said.strip()) <= LONGEST_MESSAGE and "\n" not in said.strip():
            return said.strip()
    return (rule.get("message") or f"failed rule: {text}").strip()


def _refusal(field: str, shown: Any, detail: str, reason: str | None) -> Cause:
    match reason:
        case "FieldValueRequired":
            return checks.required(field, detail)
        case "FieldValueForbidden":
            return checks.forbidden(field, detail)
        case "FieldValueDuplicate":
            return checks.duplicate(field, shown)
    return checks.invalid(field, shown, detail)


def _relative(path: str) -> str:
    """A rule's own fieldPath as Kubernetes shows it: ``.a['b-c']`` is ``.a.b-c``."""
    return re.sub(r"\['((?:\\.|[^'])*)'\]", lambda match: "." + match[1].replace("\\'", "'"), path)


def escaped(name: str) -> str:
    """The name of a field as rules write it."""
    if _KEYWORD.fullmatch(name):
        return f"__{name}__"
    return re.sub(r"__|[./-]", lambda match: _ESCAPES[match[0]], name)


def to_cel(value: Any, schema: Schema | None, whole: bool = False) -> Any:
    """A value as rules see it: fields by their escaped names, numbers as doubles where the schema says so.

    Times and durations stay text, since the library takes none from outside: rules wrap them (``timestamp(self.at)``).
    """
    if schema is None:
        return value
    if isinstance(value, dict):
        fields, rest = properties(schema), additional(schema)
        seen: dict[str, Any] = {}
        for name, inner in value.items():
            if whole and name == "metadata":
                inner = inner if isinstance(inner, dict) else {}
                seen[name] = {key: inner[key] for key in ("name", "generateName") if inner.get(key)}
            elif name in fields:
                seen[escaped(name)] = to_cel(inner, fields[name])
            elif rest is not None or not fields:
                seen[name] = to_cel(inner, rest)
            elif whole:
                seen[name] = inner
        return seen
    if isinstance(value, list):
        of_items = items(schema)
        return [to_cel(item, of_items) for item in value]
    if schema.get("type") == "number" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value
