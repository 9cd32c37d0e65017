"""Engines: a Spark version made startable here: SPARK_HOME, connector jars, CDS archive."""

from __future__ import annotations

from spark_testkit.engine.catalogue import EngineSpec, engine_spec, engine_specs
from spark_testkit.engine.connect import TOKEN_VARIABLE, conf_for_newer_clients, connect_url
from spark_testkit.engine.installer import install, is_installed
from spark_testkit.engine.kafka import Kafka, install_kafka
from spark_testkit.engine.launcher import CONNECT_SERVER, HISTORY_SERVER, Launch, launch
from spark_testkit.engine.model import Engine
from spark_testkit.engine.progress import OnProgress, Progress

__all__ = [
    "CONNECT_SERVER",
    "HISTORY_SERVER",
    "TOKEN_VARIABLE",
    "Engine",
    "EngineSpec",
    "Kafka",
    "Launch",
    "OnProgress",
    "Progress",
    "conf_for_newer_clients",
    "connect_url",
    "engine_spec",
    "engine_specs",
    "install",
    "install_kafka",
    "is_installed",
    "launch",
]
