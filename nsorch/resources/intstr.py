"""``IntOrString`` arithmetic: numbers as they are, percentages of a total, rounded as the caller asks."""

from __future__ import annotations

import re

_PERCENT = re.compile(r"(-?\d+)%")


def percent(value: int | str) -> int | None:
    """The number of a percentage ("25%" -> 25); None for numbers and other text."""
    if isinstance(value, str) and (match := _PERCENT.fullmatch(value)):
        return int(match[1])
    return None


def scaled(value: int | str, total: int, *, round_up: bool) -> int:
    """``value`` itself, or its percentage of ``total``: up for maxSurge, down for maxUnavailable.

    >>> scaled("25%", 10, round_up=True), scaled("25%", 10, round_up=False)
    (3, 2)

    ValueError if ``value`` is text without a percent sign.
    """
    if isinstance(value, int):
        return value
    share = percent(value)
    if share is None:
        raise ValueError(f'invalid value for IntOrString: invalid type: string is not a percentage: "{value}"')
    product = share * total
    return -(-product // 100) if round_up else product // 100
