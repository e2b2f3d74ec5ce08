"""Quantities as whole numbers the kernel understands: milli-CPUs and bytes, always rounded up."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from functools import lru_cache

_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60}
_DECIMAL = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
}


@lru_cache(maxsize=1024)
def _amount(text: str) -> Decimal:
    if text[-2:] in _BINARY:
        return Decimal(text[:-2]) * _BINARY[text[-2:]]
    if text[-1:] in _DECIMAL and text[-1:] != "":
        return Decimal(text[:-1]) * _DECIMAL[text[-1:]]
    return Decimal(text)


def milli_of(quantity: object) -> int:
    """Thousandths of a unit: ``"1.5"`` is 1500."""
    return int((_amount(str(quantity)) * 1000).to_integral_value(ROUND_CEILING))


def bytes_of(quantity: object) -> int:
    """Whole units: ``"64Mi"`` is 67108864."""
    return int(_amount(str(quantity)).to_integral_value(ROUND_CEILING))


def ceil_divide(value: int, divisor: int) -> int:
    """``value / divisor`` rounded up."""
    return -(-value // divisor)
