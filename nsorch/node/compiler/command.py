"""What is executed: Kubernetes' command/args over the image's Entrypoint/Cmd.

command and args absent   Entrypoint + Cmd
command only              command            (the image's Cmd is ignored)
args only                 Entrypoint + args
both                      command + args
"""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence

from nsorch.node.compiler.expand import expand
from nsorch.node.compiler.failures import ConfigError
from nsorch.node.ports import ImageConfig


def command_line(
    command: Sequence[str] | None,
    args: Sequence[str] | None,
    config: ImageConfig | None,
    env: Mapping[str, str],
) -> tuple[str, ...]:
    """The argv with ``$(VAR)`` expanded; ConfigError if neither Pod nor image says what to run."""
    head = [expand(word, env) for word in command or ()]
    tail = [expand(word, env) for word in args or ()]
    if not head and config is not None:
        head = list(config.entrypoint or ())
        if not tail:
            tail = list(config.cmd or ())
    argv = (*head, *tail)
    if not argv:
        raise ConfigError(
            "no command specified: the image has neither Entrypoint nor Cmd; set command in the container",
            reason="CreateContainerError",
        )
    return argv


def stop_signal(name: str | None) -> int:
    """A signal's number from ``SIGQUIT``, ``QUIT`` or ``3`` (``SIGRTMIN+3`` too); SIGTERM without one."""
    if not name:
        return int(signal.SIGTERM)
    if name.isdecimal():
        return int(name)
    upper = name.upper()
    if not upper.startswith("SIG"):
        upper = "SIG" + upper
    base, plus, offset = upper.partition("+")
    try:
        number = int(signal.Signals[base])
        return number + int(offset) if plus else number
    except (KeyError, ValueError):
        return int(signal.SIGTERM)
