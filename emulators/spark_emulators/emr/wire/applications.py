"""EMR Serverless' operations on applications: moto's, where it does what AWS does."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from spark_emulators.emr.domain import Domain
from spark_emulators.emr.errors import ValidationFailed
from spark_emulators.emr.wire.messages import REST, Answer, Call, json_answer
from spark_emulators.emr.wire.moto import Moto

__all__ = ["create", "forward", "get", "list_all", "stop", "update"]


class _Refused(Exception):
    """moto refused; carries its answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


def create(domain: Domain, moto: Moto, call: Call) -> Answer:
    body = call.body
    token = domain.applications.check(body)

    def make() -> dict[str, Any]:
        answer = forward(domain, moto, call)
        if answer.status != 200:
            raise _Refused(answer)
        made: dict[str, Any] = json.loads(answer.content)
        domain.applications.created(made["applicationId"], body)
        return made

    try:
        made = domain.application_tokens.once("", token, body, make)
    except _Refused as refused:
        return refused.answer
    return json_answer(made, REST)


def get(domain: Domain, moto: Moto, call: Call) -> Answer:
    return _with_extras(domain, call, forward(domain, moto, call))


def list_all(domain: Domain, moto: Moto, call: Call) -> Answer:
    answer = forward(domain, moto, call)
    if answer.status != 200:
        return answer
    body = json.loads(answer.content)
    body["applications"] = [_without_empty_details(each) for each in body["applications"]]
    return json_answer(body, REST)


def update(domain: Domain, moto: Moto, call: Call) -> Answer:
    body = call.body
    domain.applications.check(body)
    answer = forward(domain, moto, call)
    if answer.status == 200:
        domain.applications.updated(call.groups["application"], body)
    return _with_extras(domain, call, answer)


def stop(domain: Domain, moto: Moto, call: Call) -> Answer:
    application = call.groups["application"]
    active = domain.job_runs.active(application)
    if active:
        raise ValidationFailed(
            f"Application {application} cannot be stopped: "
            f"job runs {', '.join(active)} must end or be cancelled first"
        )
    return forward(domain, moto, call)


def forward(_domain: Domain, moto: Moto, call: Call) -> Answer:
    """moto's answer; what it knows nothing of is 404 by AWS's model, not 400."""
    answer = moto(call)
    if answer.status == 400 and b"does not exist" in answer.content:
        kinds = [v for k, v in answer.headers.items() if k.lower() == "x-amzn-errortype"]
        if "ResourceNotFoundException" in kinds:
            return replace(answer, status=404)
    return answer


def _with_extras(domain: Domain, call: Call, answer: Answer) -> Answer:
    if answer.status != 200:
        return answer
    body = json.loads(answer.content)
    application = _without_empty_details(body["application"])
    return json_answer(
        {"application": application | domain.applications.extras(call.groups["application"])}, REST
    )


def _without_empty_details(application: dict[str, Any]) -> dict[str, Any]:
    # the API's are never empty
    return {key: value for key, value in application.items() if key != "stateDetails" or value}
