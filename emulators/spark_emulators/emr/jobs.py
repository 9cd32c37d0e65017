"""What shall run, and how ``spark-submit`` is told: pure.

A job's configuration never travels in an argv, which every user of the machine can read, but in a
properties file that only its owner can.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from spark_emulators.emr.errors import ValidationFailed

__all__ = [
    "SERVICE_KEYS",
    "SparkJob",
    "parse_command",
    "parse_parameters",
    "properties",
    "spark_defaults",
    "submit_argv",
]

_FLAGS = {"--verbose", "-v", "--supervise"}
# Options that are only another spelling of a configuration key.
_KEYS = {
    "--name": "spark.app.name",
    "--jars": "spark.jars",
    "--py-files": "spark.submit.pyFiles",
    "--files": "spark.files",
    "--archives": "spark.archives",
    "--packages": "spark.jars.packages",
    "--exclude-packages": "spark.jars.excludes",
    "--repositories": "spark.jars.repositories",
    "--driver-memory": "spark.driver.memory",
    "--driver-cores": "spark.driver.cores",
    "--driver-java-options": "spark.driver.extraJavaOptions",
    "--driver-class-path": "spark.driver.extraClassPath",
    "--driver-library-path": "spark.driver.extraLibraryPath",
    "--executor-memory": "spark.executor.memory",
    "--executor-cores": "spark.executor.cores",
    "--num-executors": "spark.executor.instances",
    "--queue": "spark.yarn.queue",
}
# The service decides these; Spark's own names for them too.
_THE_SERVICES = {"--master": "spark.master", "--deploy-mode": "spark.submit.deployMode"}
SERVICE_KEYS = frozenset(_THE_SERVICES.values())
_S3A = "org.apache.hadoop.fs.s3a.S3AFileSystem"
_OWN_DEFAULTS = {
    "spark.hadoop.fs.s3.impl": _S3A,
    "spark.hadoop.fs.s3n.impl": _S3A,
    # nothing outside this machine has business with a local driver, and nobody looks at its pages
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
}


@dataclass(frozen=True)
class SparkJob:
    """One application for ``spark-submit``.

    Attributes:
        entry_point: a path or URI: a Python file or a jar.
        arguments: what the application is given.
        main_class: of a jar; empty for Python.
        conf: Spark configuration of this job.
    """

    entry_point: str
    arguments: tuple[str, ...] = ()
    main_class: str = ""
    conf: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        """Raises ValidationFailed where no process could be given this."""
        if any("\0" in word for word in (self.entry_point, *self.arguments, self.main_class)):
            raise ValidationFailed("entryPoint, entryPointArguments: a null character is in one")


def parse_parameters(text: str) -> tuple[str, dict[str, str]]:
    """Main class and configuration in EMR Serverless' ``sparkSubmitParameters``.

    Raises:
        ValidationFailed: an option is unknown, incomplete, or the service's to decide.
    """
    where = "jobDriver.sparkSubmit.sparkSubmitParameters"
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ValidationFailed(f"{where}: {error}") from None
    options = _Options(where, strict=True)
    rest = options.read(words)
    if rest:
        raise ValidationFailed(f"{where}: {rest[0]!r} is no option of spark-submit")
    _refuse_the_services(options.conf, where)
    return options.main_class, options.conf


def parse_command(words: Sequence[str]) -> SparkJob:
    """The job in the arguments of a step: ``spark-submit [options] application [arguments]``.

    There ``--master`` and ``--deploy-mode`` are common: they mean the cluster, this machine.

    Raises:
        ValidationFailed: it is no such command.
    """
    where = "Steps.HadoopJarStep.Args"
    if not words or words[0].rsplit("/", 1)[-1] != "spark-submit":
        raise ValidationFailed(
            f"{where}: only spark-submit is emulated, not {shlex.join(words[:1])!r}"
        )
    options = _Options(where, strict=False)
    rest = options.read(words[1:])
    if not rest:
        raise ValidationFailed(f"{where}: spark-submit is given no application")
    for key in SERVICE_KEYS:
        options.conf.pop(key, None)
    return SparkJob(rest[0], tuple(rest[1:]), options.main_class, options.conf)


def spark_defaults(configurations: Sequence[Mapping[str, object]]) -> dict[str, str]:
    """The properties of classification ``spark-defaults``; EMR's others say nothing to Spark."""
    merged: dict[str, str] = {}
    for each in configurations:
        found = each.get("properties")
        if each.get("classification") == "spark-defaults" and isinstance(found, Mapping):
            merged.update({str(key): str(value) for key, value in found.items()})
    _refuse_the_services(merged, "configurationOverrides.applicationConfiguration")
    return merged


def submit_argv(spark_home: Path, job: SparkJob, properties_file: Path, cores: int) -> list[str]:
    """The command that runs ``job``."""
    return [
        str(spark_home / "bin" / "spark-submit"),
        *("--master", f"local[{cores}]", "--deploy-mode", "client"),
        *("--properties-file", str(properties_file)),
        *(("--class", job.main_class) if job.main_class else ()),
        job.entry_point,
        *job.arguments,
    ]


def properties(defaults: Mapping[str, str], job: SparkJob) -> str:
    """The properties file of ``job``; what the job says wins over ``defaults``."""
    merged = {**_OWN_DEFAULTS, **defaults, **job.conf}
    return "".join(f"{_escaped(key)}={_escaped(value)}\n" for key, value in merged.items())


class _Options:
    """Options of ``spark-submit`` as they are read."""

    def __init__(self, where: str, *, strict: bool) -> None:
        self.main_class = ""
        self.conf: dict[str, str] = {}
        self._where = where
        self._strict = strict

    def read(self, words: Sequence[str]) -> list[str]:
        """Take options from the front; what follows them is returned."""
        left = list(words)
        while left and left[0].startswith("-"):
            option, equals, value = left.pop(0).partition("=")
            if option in _FLAGS:
                continue
            if not equals or not option.startswith("--"):
                if not left:
                    raise ValidationFailed(f"{self._where}: {option} is given no value")
                value = left.pop(0)
            self._take(option, value)
        return left

    def _take(self, option: str, value: str) -> None:
        if option in ("--conf", "-c"):
            key, equals, setting = value.partition("=")
            if not equals or not key.strip():
                raise ValidationFailed(f"{self._where}: --conf needs key=value")
            self.conf[key.strip()] = setting
        elif option == "--class":
            self.main_class = value
        elif option in _KEYS:
            self.conf[_KEYS[option]] = value
        elif option in _THE_SERVICES:
            if self._strict:
                raise ValidationFailed(f"{self._where}: {option} is not supported")
        else:
            raise ValidationFailed(f"{self._where}: {option} is not supported")


def _refuse_the_services(conf: Mapping[str, str], where: str) -> None:
    for key in SERVICE_KEYS:
        if key in conf:
            raise ValidationFailed(f"{where}: {key} is not supported")


def _escaped(text: str) -> str:
    """``text`` as ``java.util.Properties`` reads it back from a UTF-8 file."""
    special = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f"}
    special.update({each: f"\\{each}" for each in "=:#! "})
    return "".join(special.get(each, each) for each in text)
