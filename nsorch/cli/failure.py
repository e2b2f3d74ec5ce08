"""The one way a command fails: a line on standard error and an exit status."""

from __future__ import annotations


class CommandFailure(Exception):
    """``message`` says "cannot X: why", with the value and the remedy; ``status`` is the exit status."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
