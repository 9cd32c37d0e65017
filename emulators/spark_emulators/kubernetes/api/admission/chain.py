"""Which plugins run, in the order the real server runs them."""

from __future__ import annotations

from spark_emulators.kubernetes.api.admission import namespaces
from spark_emulators.kubernetes.api.context import Admission

__all__ = ["default_admission"]


def default_admission() -> Admission:
    """What the real server has on by default, as far as it matters here."""
    return Admission(mutate=[namespaces.lifecycle], check=[])
