"""The Runner of the stack: manifests become runs on its Kubernetes."""

from __future__ import annotations

import json
import sys

from spark_platform.kernel.database import sqlite_url
from spark_testkit.engine import engine_specs
from spark_testkit.service import PlanContext, Service, ServiceSpec
from spark_testkit.services.kubernetes import KEYS, NAMESPACE
from spark_testkit.services.spark_connect import SMALL_DATA, table_conf
from spark_testkit.services.token_issuer import AUDIENCE
from spark_testkit.services.unity_catalog import HttpReadiness

__all__ = ["SERVICE"]


def plan(context: PlanContext) -> ServiceSpec:
    """A Runner on SQLite, whose jobs find the stack's tables and buckets."""
    issuer = context.peers["token-issuer"].for_peers()
    config_file = context.folder / "config.json"
    endpoint = f"http://{context.outside('api')}"
    config = {
        "host": context.place.listen,
        "port": context.ports["api"],
        "grpc_port": context.ports["grpc"],
        "database": sqlite_url(context.folder / "runs.sqlite"),
        "engines": {
            spec.version: {"image": spec.image, "spark_version": spec.pyspark}
            for spec in engine_specs().values()
        },
        "issuer": {
            "issuer": issuer["SPARK_TOKEN_ISSUER_URL"],
            "audience": AUDIENCE,
            "jwks_url": f"{issuer['SPARK_TOKEN_ISSUER_JWKS']}/jwks.json",
        },
        "sk8": {
            "kubeconfig": context.peers["kubernetes"].for_peers()["KUBECONFIG"],
            "namespace": NAMESPACE,
            "conf": {**SMALL_DATA, **table_conf(context.peers)},
            "secrets": KEYS,
        },
    }
    return ServiceSpec(
        name=context.request.name,
        argv=(sys.executable, "-m", "spark_platform.runner", "--config", str(config_file)),
        files={config_file: json.dumps(config, indent=2)},
        **context.port_fields("api", "grpc"),
        endpoint=endpoint,
        exports={"SPARK_RUNNER_URL": endpoint},
        detail=f"gRPC at {context.outside('grpc')}",
        readiness=HttpReadiness(f"{endpoint}/healthz"),
        after=("token-issuer", "spark-operator"),
    )


SERVICE = Service(
    kind="runner",
    summary="Spark Runner: submit, check and cancel runs",
    plan=plan,
    needs=("s3", "unity-catalog", "token-issuer", "kubernetes", "spark-operator"),
    ports={"api": 8082, "grpc": 8084},
    by_default=False,
)
