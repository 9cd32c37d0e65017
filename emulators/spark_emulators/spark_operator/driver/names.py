"""Names and labels of an attempt's objects.

Source: the Apache operator; names that Kubernetes would refuse are shortened with a hash.
"""

from __future__ import annotations

import hashlib

__all__ = ["APP_LABEL", "OPERATOR_LABEL", "app_id", "app_label", "labels_of"]

OPERATOR_LABEL = "spark.operator/name"
APP_LABEL = "spark.operator/spark-app-name"
_MOST_ID, _MOST_LABEL = 46, 63
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def app_id(namespace: str, name: str, attempt: int) -> str:
    """``spark.app.id`` of an attempt: names of objects that begin with it have room for more."""
    plain = f"{name}-{attempt}"
    if len(plain) <= _MOST_ID and "." not in plain:
        return plain
    return f"{_safe(plain)[:9]}-{_hash(f'{namespace}/{name}/{attempt}')}"


def app_label(name: str) -> str:
    """An application's name as the value of a label."""
    return name if len(name) <= _MOST_LABEL else f"{name[:26].rstrip('-.')}-{_hash(name)}"


def labels_of(operator: str, name: str) -> dict[str, str]:
    """The labels by which the operator finds what belongs to an application."""
    return {OPERATOR_LABEL: operator, APP_LABEL: app_label(name)}


def _safe(name: str) -> str:
    return name.replace(".", "-")


def _hash(text: str) -> str:
    number = int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits[:36]
