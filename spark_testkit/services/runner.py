"""The Runner of the stack: manifests become runs on its Kubernetes, by way of its Gateway."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spark_platform.kernel.database import sqlite_url
from spark_testkit.engine import engine_specs
from spark_testkit.service import PlanContext, Service, ServiceSpec
from spark_testkit.services.catalog_identity import kubernetes_conf
from spark_testkit.services.gateway import PLATFORM_USER, QUICK_PODS, kubeconfig
from spark_testkit.services.kubernetes import job_secrets
from spark_testkit.services.lineage import lineage_conf
from spark_testkit.services.spark_connect import SMALL_DATA, table_conf
from spark_testkit.services.token_issuer import trust
from spark_testkit.services.unity_catalog import HttpReadiness, with_its_store
from spark_testkit.tokens import DOMAIN

__all__ = ["SERVICE", "configuration"]


def plan(context: PlanContext) -> ServiceSpec:
    """A Runner on SQLite, whose jobs find the stack's tables and buckets."""
    config_file = context.folder / "config.json"
    endpoint = f"http://{context.outside('api')}"
    gateway, way = context.peers["gateway"].for_peers(), context.folder / "kubeconfig"
    authority = Path(gateway["SPARK_GATEWAY_CA"])
    config = configuration(
        listen=context.place.listen,
        ports=context.ports,
        database=sqlite_url(context.folder / "runs.sqlite"),
        issuer=trust(context.peers["token-issuer"].for_peers()),
        kubeconfig=str(way),
        variables=with_its_store(context.peers),
        conf={
            **SMALL_DATA,
            **QUICK_PODS,
            **table_conf(context.peers),
            **lineage_conf(context),
        },
    )
    return ServiceSpec(
        name=context.request.name,
        argv=(sys.executable, "-m", "spark_platform.runner", "--config", str(config_file)),
        files={
            config_file: json.dumps(config, indent=2),
            way: kubeconfig(
                *(context, gateway["SPARK_GATEWAY_URL"], authority),
                *(PLATFORM_USER, DOMAIN),
            ),
        },
        **context.port_fields("api", "grpc"),
        endpoint=endpoint,
        exports={"SPARK_RUNNER_URL": endpoint},
        detail=f"gRPC at {context.outside('grpc')}",
        readiness=HttpReadiness(f"{endpoint}/healthz"),
        after=("gateway",),
    )


def configuration(
    *,
    listen: str,
    ports: Mapping[str, int],
    database: str,
    issuer: Mapping[str, str],
    kubeconfig: str,
    variables: Mapping[str, str],
    conf: Mapping[str, str],
) -> dict[str, Any]:
    """The server's configuration file, see ``spark_platform.runner.settings``.

    Args:
        ports: ``api`` and ``grpc``.
        database: its URL.
        issuer: whose tokens it trusts, see ``token_issuer.trust``.
        kubeconfig: the file that leads to the Gateway.
        variables: of the catalog.
        conf: Spark's settings of jobs that do not say them.
    """
    return {
        "host": listen,
        "port": ports["api"],
        "grpc_port": ports["grpc"],
        "database": database,
        "engines": {
            spec.version: {"image": spec.image, "spark_version": spec.pyspark}
            for spec in engine_specs().values()
        },
        "issuer": dict(issuer),
        "sk8": {
            "kubeconfig": kubeconfig,
            "conf": {**kubernetes_conf(variables), **conf},
            "secrets": job_secrets(variables),
        },
    }


SERVICE = Service(
    kind="runner",
    summary="Spark Runner: submit, check and cancel runs",
    plan=plan,
    needs=("s3", "unity-catalog", "token-issuer", "gateway"),
    ports={"api": 8082, "grpc": 8084},
    by_default=False,
)
