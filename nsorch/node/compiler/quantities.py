"""Quantities as whole numbers the kernel understands: milli-CPUs and bytes, always rounded up."""

from __future__ import annotations

from nsorch.resources.quantity import milli_value, value


def milli_of(quantity: str) -> int:
    """Thousandths of a unit: ``"1.5"`` is 1500."""
    return milli_value(quantity)


def bytes_of(quantity: str) -> int:
    """Whole units: ``"64Mi"`` is 67108864."""
    return value(quantity)


def ceil_divide(amount: int, divisor: int) -> int:
    """``amount / divisor`` rounded up."""
    return -(-amount // divisor)
