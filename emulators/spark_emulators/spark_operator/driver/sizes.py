"""Memory and cores as Spark's configuration spells them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from spark_platform.kernel.errors import InvalidInput

__all__ = ["memory_mib", "request_mib"]

# Spark's ByteUnit; a number alone is MiB
_MEMORY = re.compile(r"([0-9]+)([a-z]*)")
_UNITS = {"": 1.0, "k": 1 / 1024, "m": 1.0, "g": 1024.0, "t": 1024.0**2, "p": 1024.0**3}
_DEFAULT = "1g"
_FACTOR, _FACTOR_PYTHON, _LEAST_OVERHEAD_MIB = 0.1, 0.4, 384


def memory_mib(key: str, text: str) -> int:
    """MiB of a size such as ``2g`` or ``512m``.

    Args:
        key: which setting, for the error.

    Raises:
        InvalidInput: it is no size.
    """
    found = _MEMORY.fullmatch(text.strip().lower())
    unit = found[2].removesuffix("ib").removesuffix("b") if found else None
    if found is None or unit not in _UNITS or int(found[1]) == 0:
        raise InvalidInput(
            f"spec.sparkConf[{key}]: {text!r} is no size",
            hint="a whole number above 0 and a unit: k, m, g, t; such as 512m or 4g",
        )
    return max(int(int(found[1]) * _UNITS[unit]), 1)


def request_mib(conf: Mapping[str, str], *, python: bool) -> int:
    """The memory of a driver's container: its heap and what it needs beside that.

    Raises:
        InvalidInput: a size or factor is none.
    """
    heap = memory_mib("spark.driver.memory", conf.get("spark.driver.memory", _DEFAULT))
    overhead = "spark.driver.memoryOverhead"
    if overhead in conf:
        return heap + memory_mib(overhead, conf[overhead])
    least = conf.get("spark.driver.minMemoryOverhead", f"{_LEAST_OVERHEAD_MIB}m")
    factor = _factor(conf, _FACTOR_PYTHON if python else _FACTOR)
    return heap + max(int(heap * factor), memory_mib("spark.driver.minMemoryOverhead", least))


def _factor(conf: Mapping[str, str], default: float) -> float:
    for key in ("spark.driver.memoryOverheadFactor", "spark.kubernetes.memoryOverheadFactor"):
        if key in conf:
            try:
                factor = float(conf[key])
            except ValueError:
                factor = 0.0
            if factor <= 0:
                raise InvalidInput(
                    f"spec.sparkConf[{key}]: {conf[key]!r} is no factor",
                    hint="a number above 0, such as 0.1",
                )
            return factor
    return default
