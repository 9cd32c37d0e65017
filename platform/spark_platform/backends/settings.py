"""Spark's settings for a job: the user's, and those that say its size."""

from __future__ import annotations

from spark_platform.kernel.errors import InvalidInput
from spark_platform.model import JobSpec

__all__ = [
    "ASK_CONNECT",
    "CONNECT_ANSWERS_WITHIN_S",
    "CONNECT_PORT",
    "CONNECT_SERVER",
    "is_platforms",
    "settings_of",
    "sizes_of",
]

CONNECT_SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"
CONNECT_PORT = "15002"
# asks the Connect server of the container a question of Connect's own; the images have it
ASK_CONNECT = 'exec "${PYSPARK_PYTHON:-python3}" /opt/spark/launch/ready.py'
# so long a Connect server may take until it answers
CONNECT_ANSWERS_WITHIN_S = 300

# what a job says elsewhere, or what leads to its files and pods: a second word would contradict it
_OWN = frozenset(
    {
        "spark.app.id",
        "spark.app.name",
        "spark.connect.grpc.binding.port",
        "spark.driver.cores",
        "spark.driver.host",
        "spark.driver.memory",
        "spark.dynamicAllocation.initialExecutors",
        "spark.dynamicAllocation.maxExecutors",
        "spark.dynamicAllocation.minExecutors",
        "spark.executor.cores",
        "spark.executor.instances",
        "spark.executor.memory",
        "spark.jars",
        "spark.kubernetes.driver.pod.name",
        "spark.kubernetes.namespace",
        "spark.master",
        "spark.submit.deployMode",
        "spark.submit.pyFiles",
    }
)


def is_platforms(key: str) -> bool:
    """Whether a setting of Spark is the platform's to make."""
    return key in _OWN or key.endswith("container.image")


def settings_of(job: JobSpec) -> dict[str, str]:
    """What the user set.

    Raises:
        InvalidInput: a setting is the platform's.
    """
    for key in sorted(job.conf):
        if is_platforms(key):
            raise InvalidInput(
                f"conf[{key}] is set by the platform",
                hint="say sizes, files and the image in their own fields",
            )
    return dict(job.conf)


def sizes_of(job: JobSpec) -> dict[str, str]:
    """How large driver and executors are, and how many executors there are."""
    executors = job.executors
    sizes = {
        "spark.driver.cores": str(job.driver.cores),
        "spark.driver.memory": f"{job.driver.memory_mib}m",
        "spark.executor.cores": str(executors.size.cores),
        "spark.executor.memory": f"{executors.size.memory_mib}m",
    }
    if executors.minimum == executors.maximum:
        return {**sizes, "spark.executor.instances": str(executors.maximum)}
    return {
        **sizes,
        "spark.dynamicAllocation.enabled": "true",
        "spark.dynamicAllocation.shuffleTracking.enabled": "true",
        "spark.dynamicAllocation.minExecutors": str(executors.minimum),
        "spark.dynamicAllocation.initialExecutors": str(executors.minimum),
        "spark.dynamicAllocation.maxExecutors": str(executors.maximum),
    }
