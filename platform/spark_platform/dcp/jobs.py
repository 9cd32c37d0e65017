"""A manifest → the job that backends take. Pure."""

from __future__ import annotations

from spark_platform.dcp.manifest import ContinuousJob, CoreETLJob
from spark_platform.dcp.quantities import mebibytes, seconds
from spark_platform.model import Executors, JobKind, JobSpec, Size

__all__ = ["DOMAIN", "JOB", "job_spec"]

JOB, DOMAIN = "spark-platform/job", "spark-platform/domain"
"""Labels of all that runs for a job."""
# where images have applications: docs/images.md
_PYTHON, _JARS = "local:///opt/platform/python/", "local:///opt/platform/jars/"


def job_spec(
    manifest: CoreETLJob | ContinuousJob, *, name: str, image: str, spark_version: str
) -> JobSpec:
    """What a manifest asks for, for one run.

    Args:
        name: the run's, unique for ever on a backend.
        image: what the engine it names means now.
        spark_version: of the Spark in the image, such as ``4.1.4``.

    Raises:
        InvalidInput: the name is none.
    """
    spec, application = manifest.spec, manifest.spec.application
    resources = spec.resources
    minimum, maximum = resources.executor.bounds
    code = _PYTHON if application.language == "python" else _JARS
    timeout = manifest.spec.timeout if isinstance(manifest, CoreETLJob) else None
    return JobSpec(
        name=name,
        image=image,
        spark_version=spark_version,
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
        labels={JOB: manifest.metadata.name, DOMAIN: manifest.metadata.domain},
        timeout_s=None if timeout is None else seconds(timeout),
    )


def _located(file: str, folder: str) -> str:
    """A file as a driver finds it: a URL, or a path in the image."""
    if "://" in file:
        return file
    return f"local://{file}" if file.startswith("/") else folder + file.removeprefix("./")
