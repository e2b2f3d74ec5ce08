"""The texts behind ``kubectl explain``: what the docstrings under the fields of a model say.

Read from the source when the first schema is asked for, not while the models are defined: reading them then would
cost every start of every program that imports a model a third of its time.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Mapping
from functools import cache

from pydantic import BaseModel


@cache
def field_descriptions(model: type[BaseModel]) -> Mapping[str, str]:
    """The description of every documented field of ``model``, by attribute name; those of its bases included."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if base is not BaseModel and issubclass(base, BaseModel):
            found |= _module(base.__module__).get(base.__name__, {})
    return found


@cache
def _module(name: str) -> dict[str, dict[str, str]]:
    """Descriptions of all fields of all classes of a module; empty where its source is not at hand."""
    try:
        source = inspect.getsource(sys.modules[name])
    except (OSError, TypeError):
        return {}
    return {node.name: _fields(node) for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}


def _fields(node: ast.ClassDef) -> dict[str, str]:
    found: dict[str, str] = {}
    for field, text in zip(node.body, node.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
            and isinstance(text.value.value, str)
        ):
            found[field.target.id] = " ".join(inspect.cleandoc(text.value.value).split())
    return found
