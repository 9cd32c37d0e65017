"""A manifest → the job that the Runner takes. Pure."""

from __future__ import annotations

from spark_platform.dcp.manifest import ContinuousJob, CoreETLJob
from spark_platform.dcp.quantities import mebibytes, seconds
from spark_platform.model import DOMAIN, Executors, Job, JobKind, Retries, Size

__all__ = ["JOB", "job_of"]

JOB = "spark-platform/job"
"""The label of all that runs for a job."""
# where images have applications: docs/images.md
_PYTHON, _JARS = "local:///opt/platform/python/", "local:///opt/platform/jars/"


def job_of(manifest: CoreETLJob | ContinuousJob) -> Job:
    """What a manifest asks for; its engine is resolved where a run of it is made."""
    metadata, spec, application = manifest.metadata, manifest.spec, manifest.spec.application
    resources = spec.resources
    minimum, maximum = resources.executor.bounds
    code = _PYTHON if application.language == "python" else _JARS
    timeout = manifest.spec.timeout if isinstance(manifest, CoreETLJob) else None
    return Job(
        name=metadata.name,
        domain=metadata.domain,
        owner=metadata.owner,
        engine=spec.engine.version,
        retries=Retries(manifest.spec.retries.max_attempts, seconds(manifest.spec.retries.backoff)),
        region=spec.region or "",
        ttl_s=None if spec.ttl is None else seconds(spec.ttl),
        kind=JobKind.BATCH if isinstance(manifest, CoreETLJob) else JobKind.STREAM,
        main=_located(application.main, code),
        main_class=application.main_class or "",
        py_files=tuple(_located(file, _PYTHON) for file in application.py_files),
        jars=tuple(_located(file, _JARS) for file in application.jars),
        arguments=application.args,
        conf=dict(spec.spark_conf),
        driver=Size(resources.driver.cores, mebibytes(resources.driver.memory)),
        executors=Executors(
            Size(resources.executor.cores, mebibytes(resources.executor.memory)), minimum, maximum
        ),
        secrets=dict(spec.secrets),
        labels={JOB: metadata.name, DOMAIN: metadata.domain},
        timeout_s=None if timeout is None else seconds(timeout),
    )


def _located(file: str, folder: str) -> str:
    """A file as a driver finds it: a URL, or a path in the image."""
    if "://" in file:
        return file
    return f"local://{file}" if file.startswith("/") else folder + file.removeprefix("./")
