"""Durations as people write and read them."""

from __future__ import annotations

import math
import re
import time

from nsorch.cli.failure import CommandFailure

UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def seconds(text: str) -> float:
    """``90``, ``5s``, ``1h30m``, ``1.5h``, ``2d`` or ``250ms`` in seconds."""
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    if not re.fullmatch(rf"(?:{_PART.pattern})+", text):
        raise CommandFailure(f'cannot read the duration "{text}": write it as 90, 5s, 2m, 1h30m or 2d', 2)
    return sum(float(number) * UNITS[unit] for number, unit in _PART.findall(text))


def whole_seconds(text: str) -> int:
    """The same, rounded up to whole seconds, one at least."""
    return max(1, math.ceil(seconds(text)))


def words(count: float) -> str:
    """Seconds as Kubernetes shows ages: ``5s``, ``119s``, ``3m``, ``7m30s``, ``2h``, ``4d``.

    Source: k8s.io/apimachinery ``util/duration.HumanDuration``.
    """
    total = max(0, int(count))
    minutes, hours, days = total // 60, total // 3600, total // 86400
    if total < 120:
        return f"{total}s"
    if minutes < 10:
        return f"{minutes}m{total % 60}s" if total % 60 else f"{minutes}m"
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    if days < 730:
        return f"{days}d"
    return f"{days // 365}y{days % 365}d" if days % 365 and days < 2920 else f"{days // 365}y"


def age(since: float) -> str:
    """How long ago ``since`` (seconds since the epoch) was."""
    return words(time.time() - since)
