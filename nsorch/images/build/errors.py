"""Errors in recipes, with the place."""

from __future__ import annotations

from nsorch.images.errors import ImageError


class BuildError(Exception):
    """Something wrong in one instruction; the builder adds file and line."""


def at(file: str, line: int, error: Exception | str) -> ImageError:
    """``Containerfile:LINE: ...``."""
    return ImageError("ErrImageBuild", f"{file}:{line}: {error}")
