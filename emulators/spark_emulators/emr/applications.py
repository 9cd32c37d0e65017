"""EMR Serverless applications: what moto does not keep of them, and what jobs need to know."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from spark_emulators.emr import vendor
from spark_emulators.emr.errors import TokenReused, ValidationFailed
from spark_emulators.emr.requests import Scheduler, check_token, parse

__all__ = ["KEPT", "Applications", "Tokens", "View"]

KEPT = (
    "architecture",
    "imageConfiguration",
    "interactiveConfiguration",
    "monitoringConfiguration",
    "runtimeConfiguration",
    "schedulerConfiguration",
    "workerTypeSpecifications",
)
"""Fields that moto forgets, so we do not."""


@dataclass(frozen=True)
class View:
    """An application, as a job run sees it.

    Attributes:
        scheduler: None where any number of runs may run at once.
        runtime: its configuration, which those of runs win over.
    """

    id: str
    arn: str
    type: str
    release_label: str
    state: str
    starts_itself: bool
    scheduler: Scheduler | None
    runtime: tuple[Mapping[str, Any], ...]
    log_uri: str


class Tokens:
    """Client tokens: the same request twice is one, whoever sends it."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], tuple[Any, Any]] = {}
        self._lock = threading.RLock()

    def once(self, scope: str, token: str, request: Any, make: Callable[[], Any]) -> Any:
        """What ``make`` returned for this token, now or before.

        Raises:
            TokenReused: it came with another request.
        """
        with self._lock:
            if (scope, token) in self._seen:
                before, made = self._seen[scope, token]
                if before != request:
                    raise TokenReused(
                        f"clientToken {token!r} was used before, with other parameters"
                    )
                return made
            made = make()
            self._seen[scope, token] = (request, made)
            return made


class Applications:
    """All of them."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, Any]] = {}

    def check(self, body: Mapping[str, Any]) -> str:
        """The client token of a request that makes an application.

        Raises:
            ValidationFailed: something in it cannot be.
        """
        token = check_token(body)
        _scheduler(body)
        return token

    def created(self, application_id: str, body: Mapping[str, Any]) -> None:
        """moto has made one, and takes it for started."""
        self._kept[application_id] = dict(body)
        vendor.application(application_id).state = "CREATED"

    def updated(self, application_id: str, body: Mapping[str, Any]) -> None:
        self._kept.setdefault(application_id, {}).update(body)

    def extras(self, application_id: str) -> dict[str, Any]:
        """What an answer about the application has beyond moto's."""
        kept = self._kept.get(application_id, {})
        return {key: kept[key] for key in KEPT if key in kept}

    def view(self, application_id: str) -> View:
        """Raises UnknownResource where there is none."""
        found = vendor.application(application_id)
        kept = self._kept.get(application_id, {})
        monitoring = kept.get("monitoringConfiguration", {}).get("s3MonitoringConfiguration", {})
        return View(
            id=found.id,
            arn=found.arn,
            type=found.type,
            release_label=found.release_label,
            state=found.state,
            starts_itself=kept.get("autoStartConfiguration", {}).get("enabled", True),
            scheduler=_scheduler(kept),
            runtime=tuple(kept.get("runtimeConfiguration", ())),
            log_uri=monitoring.get("logUri", ""),
        )

    def started_for_a_job(self, application_id: str) -> View:
        """The application, which runs when this returns.

        Raises:
            UnknownResource: there is none.
            ValidationFailed: it does not run and may not be started, or is not Spark's.
        """
        view = self.view(application_id)
        if view.type != "Spark":
            raise ValidationFailed(
                f"jobDriver.sparkSubmit: application {application_id} is of type {view.type}"
            )
        if view.state == "STARTED":
            return view
        if view.state == "TERMINATED" or not view.starts_itself:
            raise ValidationFailed(
                f"Application {application_id} is in state {view.state}: "
                "a job run needs it STARTED, or able to start itself (autoStartConfiguration)"
            )
        vendor.application(application_id).state = "STARTED"
        return view


def _scheduler(body: Mapping[str, Any]) -> Scheduler | None:
    given = body.get("schedulerConfiguration")
    if given is None:
        return None
    try:
        return parse(Scheduler, given)
    except ValidationFailed as error:
        raise ValidationFailed(f"schedulerConfiguration: {error.message}") from None
