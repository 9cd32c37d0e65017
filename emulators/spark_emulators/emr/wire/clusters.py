"""EMR on EC2's operations, JSON 1.1: steps are ours, clusters moto's."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from spark_emulators.emr import vendor
from spark_emulators.emr.domain import Domain
from spark_emulators.emr.errors import InvalidRequest, ValidationFailed
from spark_emulators.emr.plans import cluster_conf
from spark_emulators.emr.requests import (
    AddJobFlowSteps,
    CancelSteps,
    DescribeStep,
    ListSteps,
    RunJobFlow,
    TerminateJobFlows,
    parse,
)
from spark_emulators.emr.steps import ENDED, Step, StepState
from spark_emulators.emr.wire.messages import JSON, Answer, Call, json_answer
from spark_emulators.emr.wire.moto import Moto

__all__ = ["OPERATIONS"]

_PAGE = 50


def add_steps(domain: Domain, _moto: Moto, call: Call) -> Answer:
    return json_answer({"StepIds": domain.clusters.add(parse(AddJobFlowSteps, call.body))}, JSON)


def cancel_steps(domain: Domain, _moto: Moto, call: Call) -> Answer:
    answers = domain.clusters.cancel(parse(CancelSteps, call.body))
    return json_answer({"CancelStepsInfoList": answers}, JSON)


def describe_step(domain: Domain, _moto: Moto, call: Call) -> Answer:
    request = parse(DescribeStep, call.body)
    step = domain.clusters.step(request.ClusterId, request.StepId)
    role = {"ExecutionRoleArn": step.role} if step.role else {}
    return json_answer({"Step": {**_step(step), **role}}, JSON)


def list_steps(domain: Domain, _moto: Moto, call: Call) -> Answer:
    request = parse(ListSteps, call.body)
    found = [
        each
        for each in domain.clusters.steps(request.ClusterId)
        if (not request.StepStates or each.state in request.StepStates)
        and (not request.StepIds or each.id in request.StepIds)
    ]
    begin = int(request.Marker)
    more = {"Marker": str(begin + _PAGE)} if begin + _PAGE < len(found) else {}
    page = found[begin : begin + _PAGE]
    return json_answer({"Steps": [_step(each) for each in page], **more}, JSON)


def run_job_flow(domain: Domain, moto: Moto, call: Call) -> Answer:
    """Make a cluster by moto, which is not shown the steps: it would only pretend to run them."""
    body = call.body
    request = parse(RunJobFlow, body)
    plans = domain.clusters.plan(request.Steps, request.ReleaseLabel, cluster_conf(request))
    shown = {key: value for key, value in body.items() if key != "Steps"}
    if plans:
        shown["Instances"] = {**body["Instances"], "KeepJobFlowAliveWhenNoSteps": True}
    answer = moto(call, json.dumps(shown).encode())
    if answer.status == 200:
        made = json.loads(answer.content)["JobFlowId"]
        if vendor.cluster(made).state not in vendor.GONE:
            domain.clusters.made(made, request, plans)
    return answer


def terminate(domain: Domain, moto: Moto, call: Call) -> Answer:
    ids = parse(TerminateJobFlows, call.body).JobFlowIds
    for each in ids:
        try:
            vendor.cluster(each)
        except InvalidRequest:
            raise ValidationFailed("Specified job flow ID does not exist.") from None
    answer = moto(call)
    for each in ids:
        # of several, some may be protected
        if vendor.cluster(each).state in vendor.GONE:
            domain.clusters.terminated(each)
    return answer


def describe_cluster(_domain: Domain, moto: Moto, call: Call) -> Answer:
    """moto's answer, mended: the reason has a code, and no Kerberos is not half of one."""
    answer = moto(call)
    if answer.status != 200:
        return answer
    body = json.loads(answer.content)
    cluster = body["Cluster"]
    code = getattr(vendor.cluster(cluster["Id"]), "state_change_code", None)
    if code:
        cluster["Status"].setdefault("StateChangeReason", {})["Code"] = code
    if not cluster.get("KerberosAttributes"):
        cluster.pop("KerberosAttributes", None)
    return json_answer(body, JSON)


OPERATIONS: dict[str, Callable[[Domain, Moto, Call], Answer]] = {
    "AddJobFlowSteps": add_steps,
    "CancelSteps": cancel_steps,
    "DescribeCluster": describe_cluster,
    "DescribeStep": describe_step,
    "ListSteps": list_steps,
    "RunJobFlow": run_job_flow,
    "TerminateJobFlows": terminate,
}
"""The operations that moto does not answer alone."""


def _step(step: Step) -> dict[str, Any]:
    timeline = {
        "CreationDateTime": step.entered(StepState.PENDING),
        "StartDateTime": step.entered(StepState.RUNNING),
        "EndDateTime": step.entered(*ENDED),
    }
    status: dict[str, Any] = {
        "State": step.state.value,
        "StateChangeReason": {},
        "Timeline": {key: value for key, value in timeline.items() if value is not None},
    }
    if step.state is StepState.FAILED:
        log = {"LogFile": f"{step.logs}/stderr.gz"} if step.logs else {}
        status["FailureDetails"] = {"Reason": step.reason, "Message": step.message, **log}
    return {
        "Id": step.id,
        "Name": step.name,
        "Config": {"Jar": step.jar, "Properties": {}, "Args": list(step.args)},
        "ActionOnFailure": step.on_failure.value,
        "Status": status,
    }
