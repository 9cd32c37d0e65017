"""What ``images/spark-runtime/launch`` reads: the toolkit's own way to start Spark, as files."""

from __future__ import annotations

import json
from pathlib import Path

from spark_testkit.engine import cds, training
from spark_testkit.engine.catalogue import EngineSpec
from spark_testkit.engine.connect import conf_for_newer_clients
from spark_testkit.engine.launcher import (
    CONNECT_SERVER,
    HISTORY_SERVER,
    JVM_OPTIONS,
    LOG4J,
    main_class_of,
)

__all__ = ["launch_files"]


def launch_files(spec: EngineSpec) -> dict[str, bytes]:
    """The files by name."""
    facts = {
        "connect": main_class_of(spec, CONNECT_SERVER),
        "connect_without_token": CONNECT_SERVER,
        "history": HISTORY_SERVER,
        "connect_conf": conf_for_newer_clients(spec),
        "java_options": JVM_OPTIONS,
    }
    conf = {
        key: value
        for key, value in cds.training_conf(Path("/tmp/training")).items()  # noqa: S108
        # the archive is made before there are connectors: it holds Spark's own classes
        if "catalog" not in key and "iceberg" not in value
    }
    return {
        "launch.json": json.dumps(facts, indent=2).encode(),
        "log4j2.properties": LOG4J.encode(),
        "training.properties": "".join(f"{key}={value}\n" for key, value in conf.items()).encode(),
        "training.py": Path(training.__file__).read_bytes(),
    }
