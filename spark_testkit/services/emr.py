"""EMR: our emulator, whose jobs are processes of this machine, on an engine wired to the stack."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spark_platform.kernel.errors import InvalidInput
from spark_platform.kernel.wait import NotYet
from spark_testkit.engine import Engine, install
from spark_testkit.engine.launcher import START_OPTIONS, environment_of
from spark_testkit.service import PlanContext, Service, ServiceSpec
from spark_testkit.services import aws, catalog_identity
from spark_testkit.services.lineage import lineage_conf
from spark_testkit.services.spark_connect import (
    EVENT_LOG_FOLDER,
    SMALL_DATA,
    event_log_conf,
    local_cores,
    prepare_engine,
    table_conf,
)

__all__ = ["SERVICE", "EmrReadiness"]

_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")


def plan(context: PlanContext) -> ServiceSpec:
    """An EMR with no application yet; logs go to the stack's S3.

    Options:
        engine: the engine of all jobs, whatever their release label; the default one when absent.
        event_log: whether the History Server shall see jobs.

    Raises:
        InvalidInput: it shall be a container.
        Missing: this machine has not what the engine needs.
    """
    if context.place.container:
        raise InvalidInput(
            "emr cannot be a container: its jobs are processes of this machine",
            hint="take a stack of processes: `spark-testkit up emr --name NAME`",
        )
    engine = install(context.request.options.get("engine"), context.settings)
    store = context.peers["s3"].for_peers()
    config_file = context.folder / "config.json"
    endpoint = f"http://{context.outside('api')}"
    exports = {
        "AWS_ENDPOINT_URL_EMR_SERVERLESS": endpoint,
        "AWS_ENDPOINT_URL_EMR": endpoint,
        **{name: store[name] for name in _KEYS},
        # the one that boto3 reads
        "AWS_DEFAULT_REGION": store["AWS_REGION"],
    }
    return ServiceSpec(
        name=context.request.name,
        argv=(sys.executable, "-m", "spark_emulators.emr", "--config", str(config_file)),
        files={
            config_file: json.dumps(_configuration(context, engine, store), indent=2),
            context.stack_folder / EVENT_LOG_FOLDER / ".keep": "",
        },
        **context.port_fields("api"),
        endpoint=endpoint,
        exports=exports,
        readiness=EmrReadiness(exports),
        detail=f"Spark {engine.spec.pyspark}",
    )


def _configuration(
    context: PlanContext, engine: Engine, store: Mapping[str, str]
) -> dict[str, Any]:
    """The server's configuration file, see ``spark_emulators.emr.settings``."""
    identity = catalog_identity.environment_of(context.peers["unity-catalog"].for_peers())
    connectors = [str(jar) for jar in engine.jars if not jar.is_relative_to(engine.spark_home)]
    return {
        "host": context.place.listen,
        "port": context.ports["api"],
        "spark_home": str(engine.spark_home),
        "spark_defaults": {
            **SMALL_DATA,
            **event_log_conf(context),
            **table_conf(context.peers),
            **lineage_conf(context),
        },
        "environment": {
            **environment_of(engine),
            # behind Spark's own jars, and out of the way of a job's spark.driver.extraClassPath
            "SPARK_DIST_CLASSPATH": os.pathsep.join(connectors),
            "SPARK_SUBMIT_OPTS": " ".join((*START_OPTIONS, "-XX:-UsePerfData")),
            # of Spark and of the job's own clients: none in a conf
            **store,
            **identity,
        },
        "temp_dir": str(context.folder / "jobs"),
        "cores": local_cores(),
        "s3": {
            "endpoint_url": store["AWS_ENDPOINT_URL_S3"],
            "region": store["AWS_REGION"],
            "access_key": store["AWS_ACCESS_KEY_ID"],
            "secret_key": store["AWS_SECRET_ACCESS_KEY"],
        },
    }


@dataclass(frozen=True)
class EmrReadiness:
    """Ready when it lists applications: then all it stands on is loaded."""

    exports: Mapping[str, str]

    def check(self) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        client = aws.client("emr-serverless", self.exports, attempts=1)
        try:
            client.list_applications(maxResults=1)
        except (BotoCoreError, ClientError) as error:
            raise NotYet(str(error)) from error
        finally:
            client.close()


SERVICE = Service(
    kind="emr",
    summary="EMR, Serverless and on EC2 (jobs are processes of this machine)",
    plan=plan,
    needs=("s3", "unity-catalog"),
    wants=("gcs",),
    ports={"api": 8085},
    prepare=prepare_engine,
    by_default=False,
)
