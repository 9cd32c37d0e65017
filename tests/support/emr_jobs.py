"""EMR's clients, and a stand-in for Spark: a script that does what its first argument says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.model import OperationModel, Shape

from spark_platform.kernel.process import ProcessId
from spark_platform.kernel.wait import NotYet, poll

ROLE = "arn:aws:iam::123456789012:role/jobs"
RELEASE = "emr-7.9.0"
SERVERLESS_ENDS = ("SUCCESS", "FAILED", "CANCELLED")
STEP_ENDS = ("COMPLETED", "FAILED", "CANCELLED", "INTERRUPTED")
TIMEOUT_S = 240
BUCKET = "logs"

# The application comes last but for its arguments; its name says what happens.
_SUBMIT = r"""#!/bin/bash
while [ $# -gt 0 ]; do
  case "$1" in
    --master|--deploy-mode|--class) shift 2 ;;
    --properties-file) properties="$2"; shift 2 ;;
    *) break ;;
  esac
done
application="$1"; shift
echo "application $application arguments $*"
case "$application" in
  /succeed) exit 0 ;;
  /fail) echo "Traceback (most recent call last):" >&2; echo "ValueError: $*" >&2; exit 3 ;;
  /properties) cat "$properties" >"$1"; stat -c %a "$properties" >>"$1"; exit 0 ;;
  /wait) echo $$ >"$1"; while [ ! -e "$2" ]; do sleep 0.05; done; exit 0 ;;
  /wait-with-child) sleep 600 & echo $$ $! >"$1"; wait ;;
  /stubborn) trap '' TERM; setsid sleep 600 & echo $$ $! >"$1"; while true; do sleep 0.05; done ;;
  /flaky) echo x >>"$1"; [ "$(wc -l <"$1")" -ge "$2" ] && exit 0; echo "IOError: try $(wc -l <"$1")" >&2; exit 1 ;;
esac
echo "no such application: $application" >&2
exit 9
"""  # noqa: E501


def fake_spark(home: Path) -> Path:
    """Make a Spark home that is only this script."""
    submit = home / "bin" / "spark-submit"
    submit.parent.mkdir(parents=True)
    submit.write_text(_SUBMIT)
    submit.chmod(0o755)
    return home


def client(service: str, url: str, **config: Any) -> Any:
    """boto3's client, which also checks that every answer has what the service's model requires."""
    made = boto3.client(
        service,
        endpoint_url=url,
        region_name="eu-central-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}, proxies={}, **config),
    )
    made.meta.events.register("after-call", _is_complete)
    return made


def _is_complete(model: OperationModel, http_response: Any, parsed: Any, **_: Any) -> None:
    if http_response.status_code == 200 and model.output_shape is not None:
        lacks = missing(model.output_shape, parsed)
        assert not lacks, f"{model.name}: {lacks}"


def missing(shape: Shape, value: Any, path: str = "") -> list[str]:
    """Where ``value`` lacks what ``shape`` requires, or has what it forbids."""
    if shape.type_name == "structure":
        lacks = [f"{path}.{name}" for name in shape.required_members if name not in value]
        within = (
            missing(member, value[name], f"{path}.{name}")
            for name, member in shape.members.items()
            if name in value
        )
        return lacks + [each for found in within for each in found]
    if shape.type_name == "list":
        found = (missing(shape.member, each, f"{path}[]") for each in value)
        return [each for part in found for each in part]
    if shape.type_name == "string" and shape.enum and value not in shape.enum:
        return [f"{path}: {value!r}"]
    if shape.type_name == "string" and not len(value) >= shape.metadata.get("min", 0):
        return [f"{path} is too short"]
    return []


@dataclass
class Aws:
    """The two clients, and how tests use them."""

    url: str
    serverless: Any
    emr: Any

    def close(self) -> None:
        self.serverless.close()
        self.emr.close()

    def application(self, **more: Any) -> str:
        request = {"name": "app", "releaseLabel": RELEASE, "type": "SPARK"} | more
        made: str = self.serverless.create_application(**request)["applicationId"]
        return made

    def submit(self, application: str, entry_point: str, *arguments: str, **more: Any) -> str:
        driver = {"entryPoint": entry_point, "entryPointArguments": list(arguments)}
        if parameters := more.pop("parameters", None):
            driver["sparkSubmitParameters"] = parameters
        run: str = self.serverless.start_job_run(
            applicationId=application,
            executionRoleArn=ROLE,
            jobDriver={"sparkSubmit": driver},
            **more,
        )["jobRunId"]
        return run

    def run(self, application: str, run: str) -> dict[str, Any]:
        found: dict[str, Any] = self.serverless.get_job_run(
            applicationId=application, jobRunId=run
        )["jobRun"]
        return found

    def reaches(self, application: str, run: str, *states: str) -> dict[str, Any]:
        """The job run, as soon as it is in one of ``states``."""

        def there() -> dict[str, Any]:
            found = self.run(application, run)
            if found["state"] not in states:
                raise NotYet(f"{found['state']}: {found['stateDetails']}")
            return found

        return poll(there, what=f"{run} to be {states}", timeout_s=TIMEOUT_S, interval_s=0.01)

    def ended(self, application: str, run: str) -> dict[str, Any]:
        return self.reaches(application, run, *SERVERLESS_ENDS)

    def cluster(self, *steps: dict[str, Any], keep: bool = True, **more: Any) -> str:
        made: str = self.emr.run_job_flow(
            Name="cluster",
            ReleaseLabel=RELEASE,
            JobFlowRole="EMR_EC2_DefaultRole",
            ServiceRole="EMR_DefaultRole",
            Instances={
                "MasterInstanceType": "m5.large",
                "InstanceCount": 1,
                "KeepJobFlowAliveWhenNoSteps": keep,
            },
            Steps=list(steps),
            **more,
        )["JobFlowId"]
        return made

    def cluster_state(self, cluster: str) -> str:
        found: str = self.emr.describe_cluster(ClusterId=cluster)["Cluster"]["Status"]["State"]
        return found

    def cluster_reaches(self, cluster: str, state: str) -> dict[str, Any]:
        def there() -> dict[str, Any]:
            found: dict[str, Any] = self.emr.describe_cluster(ClusterId=cluster)["Cluster"]
            if found["Status"]["State"] != state:
                raise NotYet(found["Status"]["State"])
            return found

        return poll(there, what=f"{cluster} to be {state}", timeout_s=TIMEOUT_S, interval_s=0.01)

    def add(self, cluster: str, *steps: dict[str, Any]) -> list[str]:
        ids: list[str] = self.emr.add_job_flow_steps(JobFlowId=cluster, Steps=list(steps))[
            "StepIds"
        ]
        return ids

    def step(self, cluster: str, step: str) -> dict[str, Any]:
        found: dict[str, Any] = self.emr.describe_step(ClusterId=cluster, StepId=step)["Step"]
        return found

    def step_reaches(self, cluster: str, step: str, *states: str) -> dict[str, Any]:
        def there() -> dict[str, Any]:
            found = self.step(cluster, step)
            if found["Status"]["State"] not in states:
                raise NotYet(found["Status"]["State"])
            return found

        return poll(there, what=f"{step} to be {states}", timeout_s=TIMEOUT_S, interval_s=0.01)

    def step_ended(self, cluster: str, step: str) -> dict[str, Any]:
        return self.step_reaches(cluster, step, *STEP_ENDS)

    def states(self, cluster: str) -> list[str]:
        """The states of a cluster's steps, the oldest first."""
        steps = self.emr.list_steps(ClusterId=cluster)["Steps"]
        return [each["Status"]["State"] for each in reversed(steps)]


def s3_settings(store: dict[str, str]) -> dict[str, str]:
    """The emulator's settings for the S3 server with these exports."""
    return {
        "endpoint_url": store["AWS_ENDPOINT_URL_S3"],
        "region": store["AWS_REGION"],
        "access_key": store["AWS_ACCESS_KEY_ID"],
        "secret_key": store["AWS_SECRET_ACCESS_KEY"],
    }


def spark_step(*arguments: str, on_failure: str = "CONTINUE", name: str = "step") -> dict[str, Any]:
    """A step that submits ``arguments``."""
    return {
        "Name": name,
        "ActionOnFailure": on_failure,
        "HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["spark-submit", *arguments]},
    }


def gone(pids: list[str]) -> None:
    """Return when none of these processes runs."""

    def all_of_them() -> None:
        left = [each for each in map(int, pids) if (it := ProcessId.of(each)) and it.alive()]
        if left:
            raise NotYet(f"{left} run")

    poll(all_of_them, what="no process of the job", timeout_s=30)


def written(file: Path) -> str:
    """What a job has written to a file, as soon as it has."""

    def there() -> str:
        if not file.exists() or not (text := file.read_text()).endswith("\n"):
            raise NotYet("it is not there")
        return text.strip()

    return poll(there, what=str(file), timeout_s=TIMEOUT_S, interval_s=0.01)
