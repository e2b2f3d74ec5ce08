"""Compiling and evaluating."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

_LITERAL = re.compile(
    r"""[rR]?("""  # a string: triple quotes first
    r""""{3}(?:\\.|[^\\])*?"{3}|'{3}(?:\\.|[^\\])*?'{3}|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')""",
    re.DOTALL,
)
_CODES = re.compile(r"^(INVALID_ARGUMENT|NOT_FOUND|UNKNOWN|OUT_OF_RANGE|INTERNAL|UNIMPLEMENTED|FAILED_PRECONDITION): ")


class CelError(Exception):
    """A rule that cannot be compiled or evaluated; the message says why."""


class Program:
    """One compiled rule."""

    __slots__ = ("_expression", "_types")

    def __init__(self, expression: Any, types: Any) -> None:
        self._expression = expression
        self._types = types

    @property
    def type(self) -> str:
        """The type of the result: ``bool``, ``string``, ``dyn`` ..."""
        name: str = self._expression.return_type().name()
        return name.lower()

    def evaluate(self, variables: Mapping[str, Any]) -> Any:
        """The result as plain data. CelError where the rule cannot be evaluated on these values."""
        try:
            value = self._expression.eval(data=dict(variables))
        except (RuntimeError, TypeError, ValueError) as error:
            raise CelError(_reason(str(error))) from None
        if value.type() == self._types.ERROR:
            raise CelError(_reason(str(value.value())))
        return value.plain_value()


def compile_rule(text: str, *names: str) -> Program:
    """Compile a rule over variables of these names; CelError says what is wrong with it."""
    environment, types = _environment(names)
    try:
        return Program(environment.compile(text), types)
    except RuntimeError as error:
        raise CelError(_reason(str(error))) from None


def uses(text: str, name: str) -> bool:
    """Whether a rule speaks of the variable ``name`` (not within text, and not as a field of something)."""
    return re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", _LITERAL.sub("''", text)) is not None


@lru_cache(maxsize=32)
def _environment(names: tuple[str, ...]) -> tuple[Any, Any]:
    cel: Any = importlib.import_module("cel_expr_python.cel")
    ext_bindings: Any = importlib.import_module("cel_expr_python.ext.ext_bindings")
    ext_optional: Any = importlib.import_module("cel_expr_python.ext.ext_optional")

    from nsorch.resources.cel.library import functions

    environment = cel.NewEnv(
        variables=dict.fromkeys(names, cel.Type.DYN),
        extensions=[ext_optional.ExtOptional(), ext_bindings.ExtBindings()],
        functions=functions(cel),
    )
    return environment, cel.Type


def _reason(text: str) -> str:
    """The library's message without its status codes, in cel-go's words where these are well known."""
    text = _CODES.sub("", text.removesuffix(" [INVALID_ARGUMENT]")).strip()
    text = re.sub(r'^Key not found in map : "(.*)"$', r"no such key: \1", text)
    text = re.sub(r"^Index error: index=(\d+) size=\d+$", r"index out of bounds: \1", text)
    return re.sub(r"^No matching overloads found : .*$", "no such overload", text)
