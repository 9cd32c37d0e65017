"""Sizes of memory and lengths of time, as manifests write them. Pure."""

from __future__ import annotations

import re

from spark_platform.kernel.errors import InvalidInput

__all__ = ["DURATION", "MEMORY", "mebibytes", "seconds"]

MEMORY = r"[1-9][0-9]{0,8}(k|kb|m|mb|g|gb|t|tb|Ki|Mi|Gi|Ti)"
DURATION = r"[1-9][0-9]{0,5}[smhd]"

_NUMBER = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)")
_KIBIBYTES = {"k": 1, "m": 1024, "g": 1024**2, "t": 1024**3}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
# Spark refuses a heap below one and a half times the 300 MiB it keeps for itself
_LEAST_MIB = 450


def mebibytes(text: str) -> int:
    """MiB of a heap: Spark's ``2g`` and Kubernetes' ``2Gi`` are the same 2048.

    What the two read differently is refused: Kubernetes' ``2G`` is 2·10⁹ bytes, Spark's 2·2³⁰; a
    bare number is bytes to the one and MiB to the other.

    Raises:
        InvalidInput: it is no such size, is no whole number of MiB, or too small for Spark.
    """
    if not re.fullmatch(MEMORY, text):
        raise InvalidInput(f"{text!r} is no size", hint=_memory_hint(text))
    number, unit = re.split(r"(?<=\d)(?=[A-Za-z])", text)
    kibibytes = int(number) * _KIBIBYTES[unit[0].lower()]
    if kibibytes % 1024:
        raise InvalidInput(f"{text!r} is no whole number of MiB", hint="such as 512m or 2g")
    if kibibytes < _LEAST_MIB * 1024:
        raise InvalidInput(
            f"{text!r} is too little", hint=f"Spark does not start with less than {_LEAST_MIB}m"
        )
    return kibibytes // 1024


def seconds(text: str) -> int:
    """Seconds of ``90s``, ``15m``, ``2h`` or ``7d``.

    Raises:
        InvalidInput: it is no such length of time.
    """
    if not re.fullmatch(DURATION, text):
        raise InvalidInput(
            f"{text!r} is no length of time",
            hint="a whole number above 0 and one unit of s, m, h, d: 90s, 15m, 2h, 7d",
        )
    return int(text[:-1]) * _SECONDS[text[-1]]


def _memory_hint(text: str) -> str:
    found = _NUMBER.fullmatch(text.strip())
    if found is None:
        return "a whole number above 0 and a unit: 512m, 2g, 2Gi"
    number, unit = found.groups()
    letter = unit[:1].lower()
    if "." in number:
        return "Spark takes whole numbers only: 1536m instead of 1.5g"
    if not unit:
        return f"say the unit: {number}m is MiB, {number}g GiB"
    if letter in _KIBIBYTES and letter != "k" and int(number):
        return (
            f"in Kubernetes {unit} may be another unit than in Spark: "
            f"write {number}{letter} or {number}{letter.upper()}i"
        )
    return "a whole number above 0 and a unit: 512m, 2g, 2Gi"
