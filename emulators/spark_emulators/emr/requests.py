"""What clients ask for, checked as AWS documents it; unknown fields are newer than this."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from spark_emulators.emr.errors import ValidationFailed
from spark_emulators.emr.steps import OnFailure, StepState

__all__ = [
    "AddJobFlowSteps",
    "CancelSteps",
    "DescribeStep",
    "ListSteps",
    "RunJobFlow",
    "Scheduler",
    "StartJobRun",
    "StepConfig",
    "TerminateJobFlows",
    "check_token",
    "parse",
]

Model = TypeVar("Model", bound=BaseModel)
Token = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
RoleArn = Annotated[
    str, StringConstraints(pattern=r"^arn:aws[a-zA-Z0-9-]*:iam::[0-9]{12}:role/[!-~]+$")
]
Filled = Annotated[str, StringConstraints(pattern=r"\S")]
DEFAULT_TIMEOUT_MIN = 720
DEFAULT_CONCURRENT_RUNS = 15
DEFAULT_QUEUE_TIMEOUT_MIN = 360


class _Model(BaseModel):
    # Entry points and configuration are sensitive, so a message must not quote them.
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class SparkSubmit(_Model):
    entryPoint: Filled = Field(max_length=4096)
    entryPointArguments: tuple[str, ...] = Field(default=(), max_length=1024)
    sparkSubmitParameters: str = Field(default="", max_length=102400)


class JobDriver(_Model):
    sparkSubmit: SparkSubmit | None = None
    hive: dict[str, Any] | None = None


class Configuration(_Model):
    classification: Filled
    properties: dict[str, str] = Field(default_factory=dict)


class S3Monitoring(_Model):
    logUri: str | None = None


class Monitoring(_Model):
    s3MonitoringConfiguration: S3Monitoring = S3Monitoring()


class Overrides(_Model):
    applicationConfiguration: tuple[Configuration, ...] = Field(default=(), max_length=100)
    monitoringConfiguration: Monitoring = Monitoring()


class RetryPolicy(_Model):
    maxAttempts: int | None = Field(default=None, ge=1, le=10)
    maxFailedAttemptsPerHour: int | None = Field(default=None, ge=1, le=10)


class StartJobRun(_Model):
    """See the API's operation of that name."""

    clientToken: Token
    executionRoleArn: RoleArn
    jobDriver: JobDriver | None = None
    configurationOverrides: Overrides = Overrides()
    executionTimeoutMinutes: int | None = Field(default=None, ge=0, le=1_000_000)
    name: Annotated[str, StringConstraints(pattern=r"\S", max_length=256)] | None = None
    mode: Literal["BATCH", "STREAMING"] = "BATCH"
    retryPolicy: RetryPolicy = RetryPolicy()
    tags: dict[str, str] = Field(default_factory=dict)

    @property
    def timeout_min(self) -> int:
        """Minutes the run may take; 0 is no limit."""
        if self.executionTimeoutMinutes is None:
            return 0 if self.mode == "STREAMING" else DEFAULT_TIMEOUT_MIN
        return self.executionTimeoutMinutes

    def checked(self) -> StartJobRun:
        """This request, if its fields go together.

        Raises:
            ValidationFailed: they do not.
        """
        if self.jobDriver is None:
            raise ValidationFailed("jobDriver: Field required")
        if self.jobDriver.hive is not None:
            raise ValidationFailed("jobDriver.hive: Hive jobs are not emulated")
        if self.jobDriver.sparkSubmit is None:
            raise ValidationFailed("jobDriver.sparkSubmit: Field required")
        if 0 < self.timeout_min < 5:
            raise ValidationFailed(
                "executionTimeoutMinutes: RunTimeout must be at least 5 minutes."
            )
        streaming = self.mode == "STREAMING"
        wrong = "maxAttempts" if streaming else "maxFailedAttemptsPerHour"
        if getattr(self.retryPolicy, wrong) is not None:
            raise ValidationFailed(f"retryPolicy.{wrong}: is not for jobs of mode {self.mode}")
        log_uri = self.log_uri
        if log_uri and not log_uri.startswith("s3://"):
            raise ValidationFailed(
                "configurationOverrides.monitoringConfiguration.s3MonitoringConfiguration.logUri: "
                "must be an s3:// URI"
            )
        return self

    @property
    def log_uri(self) -> str:
        """Where logs go; empty for nowhere."""
        return (
            self.configurationOverrides.monitoringConfiguration.s3MonitoringConfiguration.logUri
            or ""
        )


class Scheduler(_Model):
    """An application's limit of concurrent runs."""

    maxConcurrentRuns: int = Field(default=DEFAULT_CONCURRENT_RUNS, ge=1, le=1000)
    queueTimeoutMinutes: int = Field(default=DEFAULT_QUEUE_TIMEOUT_MIN, ge=15, le=720)


class HadoopJarStep(_Model):
    Jar: Filled
    MainClass: str | None = None
    Args: tuple[str, ...] = ()


class StepConfig(_Model):
    """One step as it is submitted."""

    Name: str = Field(max_length=256)
    ActionOnFailure: OnFailure = OnFailure.TERMINATE_CLUSTER
    HadoopJarStep: HadoopJarStep


class AddJobFlowSteps(_Model):
    """See the API's operation of that name."""

    JobFlowId: str
    Steps: tuple[StepConfig, ...] = Field(max_length=256)
    ExecutionRoleArn: str | None = None


class Instances(_Model):
    KeepJobFlowAliveWhenNoSteps: bool = False


class ClusterConfiguration(_Model):
    """One configuration of a cluster."""

    Classification: str = ""
    Properties: dict[str, str] = Field(default_factory=dict)


class RunJobFlow(_Model):
    """See the API's operation of that name: what of it concerns steps."""

    Instances: Instances
    Steps: tuple[StepConfig, ...] = Field(default=(), max_length=256)
    ReleaseLabel: str = ""
    Configurations: tuple[ClusterConfiguration, ...] = ()


class TerminateJobFlows(_Model):
    """See the API's operation of that name."""

    JobFlowIds: tuple[str, ...]


class DescribeStep(_Model):
    """See the API's operation of that name."""

    ClusterId: Filled
    StepId: Filled


class ListSteps(_Model):
    """See the API's operation of that name."""

    ClusterId: Filled
    StepStates: tuple[StepState, ...] = ()
    StepIds: tuple[str, ...] = ()
    Marker: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}$")] = "0"


class CancelSteps(_Model):
    """See the API's operation of that name."""

    ClusterId: str
    StepIds: tuple[str, ...] = Field(min_length=1)
    StepCancellationOption: Literal["SEND_INTERRUPT", "TERMINATE_PROCESS"] = "SEND_INTERRUPT"


class _Tokened(_Model):
    clientToken: Token


def check_token(body: Mapping[str, Any]) -> str:
    """The client token of ``body``; raises ValidationFailed where it is missing or not one."""
    return parse(_Tokened, body).clientToken


def parse(model: type[Model], body: Mapping[str, Any]) -> Model:
    """``body`` as ``model``.

    Raises:
        ValidationFailed: names every wrong field, but no value.
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        said = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in problems)
        count = len(problems)
        raise ValidationFailed(
            f"{count} validation error{'s' if count > 1 else ''} detected: {said}"
        ) from None
