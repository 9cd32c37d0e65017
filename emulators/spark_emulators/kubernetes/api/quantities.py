"""Quantities: ``500m``, ``2Gi``, ``1e3``. Exact, in the canonical form the real server answers."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal

__all__ = ["canonical", "parse", "render"]

_PATTERN = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))((?:[KMGTPE]i)|[numkMGTPE]|[eE][+-]?\d+)?")
_BINARY = {f"{unit}i": 1024**power for power, unit in enumerate("KMGTPE", 1)}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_NANO = Decimal("1e-9")
FAULT = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)


def parse(text: str | int | float) -> Decimal:
    """The number a quantity stands for, rounded up to nano.

    Raises:
        ValueError: it is no quantity.
    """
    return _split(str(text))[0]


def canonical(text: str | int | float) -> str:
    """The same quantity as the real server writes it: no fraction, the largest fitting suffix.

    Raises:
        ValueError: it is no quantity.
    """
    value, suffix = _split(str(text))
    return render(value, suffix)


def render(value: Decimal, like: str = "") -> str:
    """Write a number with a suffix of the family of ``like``."""
    if like in _BINARY and (abs(value) < 1024 or value != value.to_integral_value()):
        like = ""
    if value == 0:
        return "0"
    if like in _BINARY:
        for unit in reversed(_BINARY):
            if value % _BINARY[unit] == 0:
                return f"{int(value / _BINARY[unit])}{unit}"
        return str(int(value))
    exponential = like[:1] in ("e", "E") and like != "E"
    for unit, power in reversed(_DECIMAL.items()):
        scaled = value.scaleb(-power)
        if scaled == scaled.to_integral_value():
            if exponential:
                return f"{int(scaled)}e{power}" if power else str(int(scaled))
            return f"{int(scaled)}{unit}"
    raise AssertionError("values are rounded to nano")


def _split(text: str) -> tuple[Decimal, str]:
    found = _PATTERN.fullmatch(text)
    if not found:
        raise ValueError(FAULT)
    number, suffix = Decimal(found[1]), found[2] or ""
    if suffix in _BINARY:
        number *= _BINARY[suffix]
    elif suffix in _DECIMAL:
        number = number.scaleb(_DECIMAL[suffix])
    else:
        number = number.scaleb(max(-30, min(30, int(suffix[1:]))))
    if number != number.quantize(_NANO) if abs(number) < 10**15 else False:
        number = number.quantize(_NANO, rounding=ROUND_CEILING)
    return number, suffix
