"""Ages as ``kubectl`` shows them: "42s", "3m10s", "5h", "2d4h"."""

from __future__ import annotations

from datetime import datetime


def seconds_of(time: str) -> float:
    """Seconds since the epoch of an RFC 3339 time."""
    return datetime.fromisoformat(time).timestamp()


def since(time: str | None, now: float) -> str:
    """How long ago ``time`` was; "<unknown>" without one."""
    if not time:
        return "<unknown>"
    return duration(now - seconds_of(time))


def duration(elapsed: float) -> str:
    """A duration in seconds as a person reads it: two units at most, and only while the second one matters.

    >>> [duration(s) for s in (5, 119, 125, 700, 7*3600+60, 50*3600, 10*86400)]
    ['5s', '119s', '2m5s', '11m', '7h1m', '2d2h', '10d']
    """
    seconds = int(elapsed)
    if seconds < -1:
        return "<invalid>"
    if seconds < 0:
        return "0s"
    minutes, hours = seconds // 60, seconds // 3600
    days = hours // 24
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return _two(minutes, "m", seconds % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    if days < 2 * 365:
        return f"{days}d"
    if days < 8 * 365:
        return _two(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"
