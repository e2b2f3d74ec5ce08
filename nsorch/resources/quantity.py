"""``resource.Quantity``: amounts such as "100m", "1.5", "64Mi", "2e3": parse, compare, canonical form.

A quantity is an exact decimal number plus the family its suffix came from. Canonical form keeps the value exactly
(rounded up to nano where finer), has no fraction and the largest suffix that allows: "0.5" -> "500m",
"1.5Gi" -> "1536Mi", "1000Mi" stays, "0.5Gi" -> "512Mi".

Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Literal

Form = Literal["DecimalSI", "BinarySI", "DecimalExponent"]

_SHAPE = re.compile(r"([+-]?)(\d+\.?\d*|\.\d+)([eE][+-]?\d+|[numkKMGTPE]i?|)")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_NAMES = {power: suffix for suffix, power in _DECIMAL.items()}
_BINARY_NAMES = {power: suffix for suffix, power in _BINARY.items()} | {0: ""}
_NANO = 10**9
_LARGEST = 2**63 - 1


class QuantityError(ValueError):
    """The text is no quantity."""

    def __init__(self) -> None:
        super().__init__("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")


@dataclass(frozen=True, slots=True)
class Amount:
    """A parsed quantity: its exact value and how it is written."""

    value: Fraction
    form: Form

    def __str__(self) -> str:
        return _text(self.value, self.form)


@lru_cache(maxsize=1024)
def parse(text: str) -> Amount:
    """The amount behind ``text``; QuantityError if it is none."""
    match = _SHAPE.fullmatch(text)
    if match is None:
        raise QuantityError
    sign, digits, suffix = match.groups()
    form: Form
    if suffix in _BINARY:
        scale, form = Fraction(2 ** _BINARY[suffix]), "BinarySI"
    elif suffix in _DECIMAL:
        scale, form = Fraction(10) ** _DECIMAL[suffix], "DecimalSI"
    elif suffix[0] in "eE" and len(suffix) > 1:
        exponent = int(suffix[1:])
        if abs(exponent) > 40:
            raise QuantityError
        scale, form = Fraction(10) ** exponent, "DecimalExponent"
    else:
        raise QuantityError
    nanos = Fraction(digits) * scale * _NANO
    magnitude = Fraction(min(-(-nanos.numerator // nanos.denominator), _LARGEST * _NANO), _NANO)
    return Amount(-magnitude if sign == "-" else magnitude, form)


@lru_cache(maxsize=1024)
def canonical(text: str) -> str:
    """The canonical text of a quantity; QuantityError if it is none."""
    return str(parse(text))


def value(text: str) -> int:
    """The amount as an integer, rounded up (bytes of memory, number of things)."""
    exact = parse(text).value
    return -(-exact.numerator // exact.denominator)


def milli_value(text: str) -> int:
    """The amount in thousandths, rounded up (millicores of CPU)."""
    exact = parse(text).value * 1000
    return -(-exact.numerator // exact.denominator)


def compare(left: str, right: str) -> int:
    """-1, 0 or 1 as ``left`` is less than, equal to or more than ``right``."""
    one, two = parse(left).value, parse(right).value
    return (one > two) - (one < two)


def add(left: str, right: str) -> str:
    """The canonical text of the sum, in the form of ``left`` (of ``right`` where ``left`` is zero)."""
    one, two = parse(left), parse(right)
    return str(Amount(one.value + two.value, one.form if one.value else two.form))


def _text(amount: Fraction, form: Form) -> str:
    if amount == 0:
        return "0"
    if form == "BinarySI":
        if abs(amount) >= 1024 and amount.denominator == 1:
            number, power = amount.numerator, 0
            while number % 1024 == 0 and power < 60:
                number, power = number // 1024, power + 10
            return f"{number}{_BINARY_NAMES[power]}"
        form = "DecimalSI"
    number, power = int(amount * _NANO), -9
    while number % 1000 == 0 and power < 18:
        number, power = number // 1000, power + 3
    if form == "DecimalExponent":
        return f"{number}e{power}" if power else str(number)
    return f"{number}{_DECIMAL_NAMES[power]}"
