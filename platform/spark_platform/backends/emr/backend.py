"""Jobs on one application of EMR Serverless, by boto3."""

from __future__ import annotations

import contextlib
import gzip
import threading
from collections.abc import Iterator
from typing import Any

from spark_platform.backends.backend import Capabilities
from spark_platform.backends.emr.jobruns import DIGEST, log_keys, observation, request
from spark_platform.kernel.errors import (
    Conflict,
    InvalidInput,
    Missing,
    NotFound,
    PlatformError,
    Terminal,
    Transient,
)
from spark_platform.model import JobKind, JobSpec, Observation

__all__ = ["Emr"]

_LOOKS_EVERY_S = 1.0
_ENDS = frozenset({"TERMINATED"})
_PASSES = frozenset({"ThrottlingException", "TooManyRequestsException", "InternalServerException"})


class Emr:
    """Job runs of one application, which is the platform's alone. Implements ``Backend``.

    Args:
        client: boto3's ``emr-serverless``.
        application: its id.
        role: the ARN as which jobs run.
        log_uri: ``s3://…`` where logs go; empty for none.
        s3: boto3's ``s3``, which reads them.
        name: the backend's.
        looks_every_s: seconds between two questions of a watch.
    """

    def __init__(
        self,
        client: Any,
        application: str,
        role: str,
        *,
        log_uri: str = "",
        s3: Any = None,
        name: str = "emr",
        looks_every_s: float = _LOOKS_EVERY_S,
    ) -> None:
        self.name = name
        self._client, self._application, self._role = client, application, role
        self._log_uri, self._s3, self._looks_every_s = log_uri, s3, looks_every_s
        # names to ids, which never change
        self._ids: dict[str, str] = {}

    def capabilities(self) -> Capabilities:
        kinds = frozenset({JobKind.BATCH, JobKind.STREAM})
        return Capabilities(kinds, executors=True, watches=False, remembers=True, secrets=False)

    def check(self) -> None:
        with _errors(f"asking for application {self._application}"):
            answer = self._client.get_application(applicationId=self._application)
        state = answer["application"]["state"]
        if state in _ENDS:
            raise Missing(
                f"application {self._application} is {state}", hint="make another, and name it"
            )

    def submit(self, job: JobSpec) -> Observation:
        wanted = request(job, self._application, self._role, self._log_uri)
        # a token is forgotten some day, a name is not
        known = self._find(job.name)
        if known is None:
            with _errors(f"starting job {job.name}"):
                known = self._ids[job.name] = self._client.start_job_run(**wanted)["jobRunId"]
        found = self._get(known)
        if (found.get("tags") or {}).get(DIGEST) != job.digest:
            raise Conflict(
                f"the name {job.name} is another job's on {self.name}",
                hint="a name is one job for ever: choose another",
            )
        return observation(found)

    def observe(self, name: str) -> Observation:
        return observation(self._get(self._id(name)))

    def list(self) -> list[Observation]:
        return [observation(each) for each in self._summaries()]

    def watch(self, stop: threading.Event) -> Iterator[Observation]:
        known: dict[str, tuple[str, Any]] = {}
        while not stop.is_set():
            for each in self._summaries():
                seen = each["state"], each["updatedAt"]
                if known.get(each["id"]) != seen:
                    known[each["id"]] = seen
                    yield observation(self._get(each["id"]))
            stop.wait(self._looks_every_s)

    def cancel(self, name: str) -> None:
        run = self._id(name)
        if observation(self._get(run)).state.ended:
            return
        try:
            with _errors(f"cancelling job {name}"):
                self._client.cancel_job_run(applicationId=self._application, jobRunId=run)
        except InvalidInput:
            # it has ended in the meantime
            if not observation(self._get(run)).state.ended:
                raise

    def remove(self, name: str) -> None:
        """EMR forgets job runs by itself, a while after their end."""

    def logs(self, name: str, tail: int | None = None) -> str:
        bucket, keys = log_keys(self._get(self._id(name)))
        if not bucket or self._s3 is None:
            raise NotFound(f"job {name} writes no log", hint="give the backend a log_uri")
        text = "".join(self._read(bucket, key) for key in keys)
        if not text:
            raise NotFound(f"job {name} has no log yet: it is written when the job ends")
        if tail is None:
            return text
        return "".join(text.splitlines(keepends=True)[-tail:]) if tail else ""

    def close(self) -> None:
        self._client.close()

    def _read(self, bucket: str, key: str) -> str:
        from botocore.exceptions import ClientError

        with _errors(f"reading s3://{bucket}/{key}"):
            try:
                packed = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            except ClientError as error:
                if error.response["Error"]["Code"] in ("NoSuchKey", "NoSuchBucket"):
                    return ""
                raise
        return gzip.decompress(packed).decode("utf-8", "replace")

    def _summaries(self) -> Iterator[dict[str, Any]]:
        with _errors("listing jobs"):
            pages = self._client.get_paginator("list_job_runs").paginate(
                applicationId=self._application
            )
            for page in pages:
                for each in page["jobRuns"]:
                    self._ids[each.get("name") or each["id"]] = each["id"]
                    yield each

    def _find(self, name: str) -> str | None:
        if name not in self._ids:
            for each in self._summaries():
                if each.get("name") == name:
                    break
        return self._ids.get(name)

    def _id(self, name: str) -> str:
        found = self._find(name)
        if found is None:
            raise NotFound(f"{self.name} knows no job {name}")
        return found

    def _get(self, run: str) -> dict[str, Any]:
        with _errors(f"asking for job run {run}"):
            answer = self._client.get_job_run(applicationId=self._application, jobRunId=run)
        found: dict[str, Any] = answer["jobRun"]
        return found


@contextlib.contextmanager
def _errors(doing: str) -> Iterator[None]:
    """AWS's errors as ours."""
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    try:
        yield
    except NoCredentialsError as error:
        raise Missing(f"{doing}: {error}", hint="set AWS's own variables, or a profile") from error
    except BotoCoreError as error:
        raise Transient(f"{doing}: AWS does not answer: {error}") from error
    except ClientError as error:
        raise _explained(doing, error.response) from error


def _explained(doing: str, response: Any) -> PlatformError:
    code, text = response["Error"]["Code"], response["Error"].get("Message", "")
    message = f"{doing}: {text} ({code})"
    if code in _PASSES or response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
        return Transient(message)
    if code == "ResourceNotFoundException":
        return NotFound(message)
    if code == "ConflictException":
        return Conflict(message)
    if code == "ValidationException":
        return InvalidInput(message)
    return Terminal(message)
