"""The manifest: what a team says of one job. ``dcp.pedregal/v1``.

Values stay as they were written (``2g``, ``30m``); ``jobs`` makes of them what backends take.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import yaml
from pydantic import ConfigDict, Field, ValidationInfo, field_validator

from spark_platform.dcp import cron
from spark_platform.dcp.conf import REFERENCE, SETTING, check_reference, check_setting
from spark_platform.dcp.datasets import Dataset
from spark_platform.dcp.parts import Fault, Part, Text, Words, fault, not_of
from spark_platform.dcp.quantities import DURATION, MEMORY, mebibytes, seconds
from spark_platform.kernel.errors import InvalidInput

__all__ = [
    "API_VERSION",
    "KINDS",
    "Application",
    "ContinuousJob",
    "CoreETLJob",
    "Executor",
    "Manifest",
    "Metadata",
    "Resources",
    "dump",
]

API_VERSION = "dcp.pedregal/v1"

_NAME = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_NAME_FORM = "1 to 63 of a-z, 0-9 and '-', which is neither first nor last"
_CLASS = r"[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)*"
_SCHEMES = ("local", "s3a", "s3", "gs", "hdfs", "https")
_FILE = r"[^\s,]+"
_ENDINGS = {"pyFiles": (".py", ".zip", ".egg"), "jars": (".jar",)}


def _file(text: str) -> None:
    scheme = re.match(r"([A-Za-z][\w+.-]*):", text)
    if not re.fullmatch(_FILE, text):
        raise InvalidInput(f"{text!r} is no file", hint="no spaces and no commas")
    if scheme and scheme[1] not in _SCHEMES:
        raise InvalidInput(
            f"{scheme[1]}: is a scheme that drivers do not read",
            hint=f"{', '.join(_SCHEMES)}, or a path in the image",
        )
    if scheme and not text.startswith(f"{scheme[1]}://"):
        raise InvalidInput(f"{text!r} is no URL", hint=f"{scheme[1]}:// and the rest of it")
    if scheme and scheme[1] == "local" and not text.startswith("local:///"):
        raise InvalidInput(f"{text!r} names a host", hint="local:/// and a path in the image")
    if ".." in text.split("/"):
        raise InvalidInput(f"{text!r} leads upwards", hint="a path without ..")


Name = Annotated[str, Text.of(_NAME, "name", _NAME_FORM)]
File = Annotated[str, Text(_FILE, _file)]
Memory = Annotated[Words, Text(MEMORY, mebibytes)]
Duration = Annotated[Words, Text(DURATION, seconds)]
Cron = Annotated[str, Text(r"\S+(\s+\S+){4}", cron.check)]


class Metadata(Part):
    """Whose job it is."""

    name: Name
    """The job's name, unique in its domain."""
    domain: Name
    """The business domain it belongs to: what it costs and may see is counted there."""
    owner: Annotated[
        str, Text.of(r"\S(.{0,252}\S)?", "owner", "a team or an e-mail address, in one line")
    ]
    """Whom to ask: a team, or an e-mail address."""


class Engine(Part):
    """Which Spark runs it."""

    version: Annotated[str, Text.of(r"[0-9]+\.[0-9]+", "engine version", 'such as "4.1"')]
    """The engine, in quotes: "4.1". Its newest image is taken when a run is submitted."""

    @field_validator("version")
    @classmethod
    def _is_there(cls, version: str, info: ValidationInfo) -> str:
        engines = (info.context or {}).get("engines") or (version,)
        if version not in engines:
            raise not_of(version, tuple(engines))
        return version


class Application(Part):
    """What runs."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"language": {"const": "python"}}},
            "then": {"properties": {"main": {"pattern": r"\.py$"}, "mainClass": False}},
            "else": {
                "properties": {"main": {"pattern": r"\.jar$"}, "pyFiles": False},
                "required": ["mainClass"],
            },
        }
    )

    language: Literal["python", "scala", "java"]
    """What it is written in."""
    main: File
    """The script (.py) or the jar with the main class. A path without scheme is one in the image:
    of scripts below `/opt/platform/python`, of jars below `/opt/platform/jars`."""
    main_class: Annotated[str, Text.of(_CLASS, "class", "such as com.example.Main")] | None = None
    """The class to run, with its package; for Scala and Java."""
    py_files: tuple[File, ...] = Field(default=(), strict=False)
    """Modules (.py) and archives of such (.zip, .egg) beside the script; for Python."""
    jars: tuple[File, ...] = Field(default=(), strict=False)
    """More jars."""
    args: tuple[Words, ...] = Field(default=(), strict=False)
    """The program's arguments."""

    @classmethod
    def relations(cls, given: Mapping[str, Any]) -> Iterator[Fault]:
        language, main = given.get("language"), given.get("main")
        python = language == "python"
        if python or language in ("scala", "java"):
            ending = ".py" if python else ".jar"
            if isinstance(main, str) and not main.endswith(ending):
                what = "a script" if python else "the jar with the main class"
                yield ("main",), fault(f"{main!r} is no {ending}", hint=f"{language} wants {what}")
            if python and "mainClass" in given:
                yield ("mainClass",), fault("is not for python", hint="main is the script to run")
            if not python and "mainClass" not in given:
                yield ("mainClass",), fault("is missing", hint=f"{language} wants the class to run")
            if not python and "pyFiles" in given:
                yield ("pyFiles",), fault(f"is not for {language}", hint="say more jars in jars")
        for key, endings in _ENDINGS.items():
            listed = given.get(key)
            for index, file in enumerate(listed if isinstance(listed, list | tuple) else ()):
                if isinstance(file, str) and not file.endswith(endings):
                    text = fault(f"{file!r} is none of {', '.join(endings)}")
                    yield (key, index), text


class _Size(Part):
    cores: int = Field(default=1, ge=1, le=256)
    """Task slots."""
    memory: Memory = "1g"
    """Of the JVM's heap, as Spark (2g, 512m) or Kubernetes (2Gi, 512Mi) writes it."""


class Driver(_Size):
    """The driver's size."""


class Executor(_Size):
    """The size of each executor, and how many there are: `instances`, or from `min` to `max`."""

    model_config = ConfigDict(
        json_schema_extra={
            "dependentRequired": {"min": ["max"], "max": ["min"]},
            "dependentSchemas": {"instances": {"properties": {"min": False, "max": False}}},
        }
    )

    instances: int | None = Field(default=None, ge=1, le=10_000)
    """How many, always; 1 where nothing is said of their number."""
    minimum: int | None = Field(default=None, alias="min", ge=0, le=10_000)
    """How few, where Spark allocates them as it needs."""
    maximum: int | None = Field(default=None, alias="max", ge=1, le=10_000)
    """How many, at most."""

    @property
    def bounds(self) -> tuple[int, int]:
        """How many there are, at least and at most."""
        if self.minimum is not None and self.maximum is not None:
            return self.minimum, self.maximum
        fixed = 1 if self.instances is None else self.instances
        return fixed, fixed

    @classmethod
    def relations(cls, given: Mapping[str, Any]) -> Iterator[Fault]:
        low, high = given.get("min"), given.get("max")
        if "instances" in given:
            for key in ("min", "max"):
                if key in given:
                    hint = "either instances, or min and max"
                    yield (key,), fault("contradicts instances", hint=hint)
            return
        for key, other in (("min", "max"), ("max", "min")):
            if key not in given and other in given:
                yield (key,), fault("is missing", hint=f"{other} is there: min and max go together")
        if isinstance(low, int) and isinstance(high, int) and low > high:
            yield ("min",), fault(f"{low} is above max, which is {high}")


class Resources(Part):
    """What it may use."""

    driver: Driver = Driver()
    """The driver's size."""
    executor: Executor = Executor()
    """The executors' size and number."""


class Schedule(Part):
    """When it runs by itself."""

    cron: Cron
    """Cron's five fields, in UTC: "0 6 * * *"."""


class Retries(Part):
    """What follows a failure."""

    max_attempts: int = Field(default=3, ge=1, le=100)
    """How often it is tried in all; again only where the job is not to blame."""
    backoff: Duration = "30s"
    """The pause before the second attempt; it doubles with each."""


class ContinuousRetries(Retries):
    """What follows a failure of a job that should never end."""

    max_attempts: int | None = Field(default=None, ge=1, le=100)  # type: ignore[assignment]
    """How often it is tried in all; without it as often as the platform allows."""


class Spec(Part):
    """What both kinds of jobs say."""

    engine: Engine
    """Which Spark runs it."""
    application: Application
    """What runs."""
    inputs: tuple[Dataset, ...] = Field(default=(), strict=False)
    """What it reads: tables, paths, topics."""
    outputs: tuple[Dataset, ...] = Field(default=(), strict=False)
    """What it writes."""
    resources: Resources = Resources()
    """What it may use."""
    spark_conf: dict[Annotated[str, Text(SETTING, check_setting)], Words] = Field(
        default_factory=dict
    )
    """Settings of Spark that have no field here; no secrets."""
    secrets: dict[
        Annotated[str, Text.of(r"[A-Za-z_]\w*", "variable", "such as AWS_SECRET_ACCESS_KEY")],
        Annotated[Words, Text(REFERENCE, check_reference)],
    ] = Field(default_factory=dict)
    """Variables of driver and executors → `secret:key` of the cluster's secrets."""
    ttl: Duration | None = None
    """How long its pods and records are kept after its end; without it as the platform likes."""
    region: Name | None = None
    """Where it must run; without it anywhere."""


class BatchSpec(Spec):
    """What is to run, and when."""

    schedule: Schedule | None = None
    """When it runs by itself; without it only when it is submitted."""
    retries: Retries = Retries()
    """What follows a failure."""
    timeout: Duration | None = None
    """How long an attempt may take; without it as long as it likes."""


class StreamSpec(Spec):
    """What is to run for ever."""

    retries: ContinuousRetries = ContinuousRetries()
    """What follows a failure."""

    @classmethod
    def unknown(cls, key: str) -> Any:
        if key in BatchSpec.known():
            hint = "it runs until it is stopped; a job that ends is a CoreETLJob"
            return fault("is not for a ContinuousJob", hint=hint, at_key=True)
        return super().unknown(key)


class Manifest(Part):
    """One job."""

    api_version: Literal["dcp.pedregal/v1"]
    """The version of this format."""
    kind: str
    metadata: Metadata
    """Whose job it is."""
    spec: Spec
    """What is to run."""


class CoreETLJob(Manifest):
    """A job that ends by itself."""

    kind: Literal["CoreETLJob"]
    """What kind of job it is: CoreETLJob ends by itself, ContinuousJob runs until it is stopped."""
    spec: BatchSpec
    """What is to run, and when."""


class ContinuousJob(Manifest):
    """A job that runs until it is stopped."""

    kind: Literal["ContinuousJob"]
    """What kind of job it is: CoreETLJob ends by itself, ContinuousJob runs until it is stopped."""
    spec: StreamSpec
    """What is to run."""


KINDS: Mapping[str, type[CoreETLJob] | type[ContinuousJob]] = {
    "CoreETLJob": CoreETLJob,
    "ContinuousJob": ContinuousJob,
}


def dump(manifest: Manifest) -> str:
    """The manifest as YAML, without what is default."""
    document = manifest.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return yaml.safe_dump(document, sort_keys=False)
