"""Which plugins run, in the order the real server runs them."""

from __future__ import annotations

from spark_emulators.kubernetes.api.admission import limits, namespaces, pods, quota
from spark_emulators.kubernetes.api.context import Admission

__all__ = ["default_admission"]


def default_admission() -> Admission:
    """What the real server has on by default, as far as it matters here."""
    return Admission(
        mutate=[
            namespaces.lifecycle,
            limits.apply_defaults,
            pods.service_account,
            pods.tolerations,
            pods.priority,
        ],
        check=[limits.check_bounds, quota.check],
    )
