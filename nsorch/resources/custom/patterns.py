"""Regular expressions of schemas: RE2, as in Kubernetes. Linear in time, so nobody's pattern can stop the daemon.

The library is loaded when the first pattern is.
"""

from __future__ import annotations

import importlib
from functools import lru_cache
from typing import Any


@lru_cache(maxsize=512)
def compiled(pattern: str) -> Any:
    """The compiled pattern; ValueError says what is wrong with it."""
    re2: Any = importlib.import_module("re2")

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        text = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error.args[0])
        raise ValueError(f"error parsing regexp: {text}") from None


def found_in(pattern: str, text: str) -> bool:
    """Whether the pattern occurs in the text."""
    return compiled(pattern).search(text) is not None
