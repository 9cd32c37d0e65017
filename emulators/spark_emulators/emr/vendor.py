"""What moto keeps of applications and clusters, as far as jobs depend on it or change it.

Requests for applications and clusters go to moto's server unchanged or nearly so; this module
reads and moves the states of what came of them, which moto itself never does.
"""

from __future__ import annotations

import threading
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from spark_emulators.emr.errors import InvalidRequest, UnknownResource

if TYPE_CHECKING:
    from moto.emr.models import Cluster
    from moto.emrserverless.models import Application

__all__ = ["ACCOUNT", "GONE", "LOCK", "application", "cluster", "end_cluster"]

ACCOUNT = "123456789012"
"""moto's account for whoever does not assume a role."""
LOCK = threading.RLock()
"""Held by whoever calls moto: its models are not made for several threads."""
GONE = frozenset({"TERMINATED", "TERMINATED_WITH_ERRORS", "TERMINATING"})


def application(application_id: str) -> Application:
    """Raises UnknownResource where there is none."""
    from moto.emrserverless.models import EMRServerlessBackend, emrserverless_backends

    with LOCK:
        for _account, _region, backend in emrserverless_backends.iter_backends():
            assert isinstance(backend, EMRServerlessBackend)
            if application_id in backend.applications:
                return backend.applications[application_id]
    raise UnknownResource(f"Application {application_id} does not exist")


def cluster(cluster_id: str) -> Cluster:
    """Raises InvalidRequest where there is none."""
    from moto.emr.models import ElasticMapReduceBackend, emr_backends

    with LOCK:
        for _account, _region, backend in emr_backends.iter_backends():
            assert isinstance(backend, ElasticMapReduceBackend)
            if cluster_id in backend.clusters:
                return backend.clusters[cluster_id]
    raise InvalidRequest(f"Cluster id '{cluster_id}' is not valid.")


def end_cluster(found: Cluster, *, code: str, message: str) -> None:
    """Terminate a cluster.

    Args:
        code: why, as the API spells it: STEP_FAILURE, ALL_STEPS_COMPLETED.
        message: why, for people.
    """
    found.state = "TERMINATED" if code == "ALL_STEPS_COMPLETED" else "TERMINATED_WITH_ERRORS"
    found.end_datetime = datetime.now(timezone.utc)
    # moto answers with the message if it is there; the code is for wire.clusters
    found.last_state_change_reason = message  # type: ignore[attr-defined]
    found.state_change_code = code  # type: ignore[attr-defined]
