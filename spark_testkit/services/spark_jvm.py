"""A JVM of Spark as a service: on this machine's engine, or in the engine's image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from spark_testkit.engine import CONNECT_SERVER, EngineSpec, install, launch
from spark_testkit.service import TEMPORARY, PlanContext

__all__ = ["SparkJvm", "plan_jvm", "properties_file", "temporary_files_in"]

_ESCAPED = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f"})
_COLON = "\\:"


@dataclass(frozen=True)
class SparkJvm:
    """What a service's spec says of its JVM; see ``ServiceSpec``."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    files: Mapping[Path, str]
    image: str


def plan_jvm(
    context: PlanContext,
    spec: EngineSpec,
    main_class: str,
    conf: Mapping[str, str],
    heap_mib: int,
) -> SparkJvm:
    """How to start a main class of Spark where the service will run.

    Raises:
        Missing: this machine has not what the engine needs.
    """
    if context.place.container:
        return _in_container(context, spec, main_class, conf, heap_mib)
    started = launch(
        install(spec.version, context.settings),
        main_class,
        conf=conf,
        heap_mib=heap_mib,
        folder=context.folder,
        jvm_options=temporary_files_in(context.folder),
    )
    return SparkJvm(started.argv, started.environment, started.files, "")


def temporary_files_in(folder: Path) -> tuple[str, ...]:
    """JVM options that keep temporary files where the stack's end deletes them."""
    # the JVM ignores TMPDIR, and writes its performance counters to /tmp whatever it is told
    return (f"-Djava.io.tmpdir={folder / TEMPORARY}", "-XX:-UsePerfData")


def properties_file(conf: Mapping[str, str]) -> str:
    """A configuration in Java's properties format."""
    return "".join(
        f"{key.replace(':', _COLON)}={value.translate(_ESCAPED)}\n" for key, value in conf.items()
    )


def _in_container(
    context: PlanContext,
    spec: EngineSpec,
    main_class: str,
    conf: Mapping[str, str],
    heap_mib: int,
) -> SparkJvm:
    properties = context.folder / "spark.properties"
    complete = {**conf, "spark.driver.memory": f"{heap_mib}m"}
    return SparkJvm(
        argv=(
            "connect" if main_class == CONNECT_SERVER else "history",
            "--properties-file",
            str(properties),
        ),
        # what its web pages listen on
        environment={"SPARK_LOCAL_IP": context.place.listen},
        files={properties: properties_file(complete)},
        image=spec.image,
    )
