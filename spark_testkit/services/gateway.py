"""The Gateway of the stack: the one door to its Kubernetes' Spark, batch and Connect."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from spark_platform.kernel.database import sqlite_url
from spark_platform.kernel.errors import InvalidInput
from spark_testkit.engine import engine_spec
from spark_testkit.engine.launcher import QUICK_OPTIONS
from spark_testkit.service import PlanContext, Service, ServiceSpec
from spark_testkit.services.catalog_identity import kubernetes_conf
from spark_testkit.services.kubernetes import NAMESPACE, job_secrets, namespace_objects
from spark_testkit.services.lineage import lineage_conf
from spark_testkit.services.spark_connect import SMALL_DATA, table_conf
from spark_testkit.services.token_issuer import trust
from spark_testkit.services.unity_catalog import HttpReadiness, with_its_store
from spark_testkit.tokens import DOMAIN, credential_command, local_user

__all__ = [
    "AUTHORITY",
    "CLUSTER",
    "PLATFORM_USER",
    "QUICK_PODS",
    "SERVICE",
    "SMALL_PODS",
    "certificates",
    "files",
    "kubeconfig",
    "pool",
    "way",
]

PLATFORM_USER = "spark-runner"
"""Who may act for every domain of the stack."""

CLUSTER = "local"
"""The name of the one cluster behind it."""

AUTHORITY = "authority.pem"
"""The file of the certificate that its own is signed with."""

_CERTIFICATE, _KEY = "certificate.pem", "key.pem"
SMALL_PODS = {
    "spark.kubernetes.driver.request.cores": "0.1",
    "spark.kubernetes.executor.request.cores": "0.1",
}
"""Spark's settings of pods that share the few processors of one machine."""

# minutes are too short for the second compiler to pay: it took 17 of a driver's 42 s of CPU
_QUICK = " ".join(QUICK_OPTIONS)
QUICK_PODS = {
    "spark.driver.extraJavaOptions": _QUICK,
    "spark.executor.extraJavaOptions": _QUICK,
}
"""Spark's settings of pods that have little to do."""

# a driver of one user, who looks at small tables
_SMALL = {
    **SMALL_PODS,
    **QUICK_PODS,
    "spark.ui.enabled": "false",
    # processes of one machine share its ports, but not their pods' addresses
    "spark.connect.grpc.binding.address": "${env:SPARK_DRIVER_BIND_ADDRESS}",
}


def plan(context: PlanContext) -> ServiceSpec:
    """A Gateway on SQLite in front of the stack's one cluster.

    Options:
        engine: engine version of Connect's drivers; the default engine when absent.
        warm: domain → how many drivers are kept warm for it; one of the stack's own when absent.
        conf: Spark configuration of Connect's drivers, on top of the testkit's own.

    Raises:
        InvalidInput: an option is none of these.
    """
    folder, port = context.folder, context.ports["api"]
    warm = context.request.options.get("warm", {DOMAIN: 1})
    if not isinstance(warm, Mapping):
        raise InvalidInput(
            f"gateway: option warm is {warm!r}", hint="a domain and a number: warm={'default': 1}"
        )
    endpoint = f"https://localhost:{port}"
    options, variables = context.request.options, with_its_store(context.peers)
    made = files(
        folder,
        listen=context.place.listen,
        ports=context.ports,
        database=sqlite_url(folder / "gateway.sqlite"),
        tls=certificates("localhost", context.place.listen),
        kubeconfig=context.peers["kubernetes"].for_peers()["KUBECONFIG"],
        variables=variables,
        issuer=trust(context.peers["token-issuer"].for_peers()),
        drivers=pool(
            options.get("engine"),
            variables,
            {
                **table_conf(context.peers),
                **lineage_conf(context),
                **options.get("conf", {}),
            },
        ),
        warm=warm,
    )
    authority, users = folder / AUTHORITY, folder / "kubeconfig"
    exports = {
        "SPARK_GATEWAY_URL": endpoint,
        "SPARK_GATEWAY_CONNECT": f"sc://{context.outside('connect')}",
        "SPARK_GATEWAY_CONNECT_TLS": f"sc://{context.outside('connect_tls')}",
        "SPARK_GATEWAY_CA": str(authority),
        "SPARK_GATEWAY_KUBECONFIG": str(users),
    }
    return ServiceSpec(
        name=context.request.name,
        argv=(sys.executable, "-m", "spark_platform.gateway", "--config", f"{folder}/config.json"),
        files={
            **{folder / name: text for name, text in made.items()},
            users: kubeconfig(context, endpoint, authority, local_user(), DOMAIN),
        },
        **context.port_fields("api", "connect", "connect_tls"),
        endpoint=endpoint,
        exports=exports,
        readiness=HttpReadiness(f"{endpoint}/healthz", authority),
        detail=f"Spark Connect at {context.outside('connect')}",
        after=("token-issuer", "kubernetes", "spark-operator"),
    )


def files(
    folder: PurePath,
    *,
    listen: str,
    ports: Mapping[str, int],
    database: str,
    tls: Mapping[str, str],
    kubeconfig: str | None,
    variables: Mapping[str, str],
    issuer: Mapping[str, str],
    drivers: Mapping[str, Any],
    warm: Mapping[str, int],
    callers: Sequence[Mapping[str, str]] = (),
) -> dict[str, str]:
    """The files of a Gateway in front of one cluster, by name; ``config.json`` names the others.

    Args:
        folder: where they will lie.
        ports: ``api`` and ``connect``; ``connect_tls`` where Connect is over TLS as well.
        database: its URL.
        tls: what ``certificates`` has made.
        kubeconfig: the file that leads to the cluster; None where it runs in that.
        variables: of S3 and the catalog, whose keys jobs find in the namespace of their domain.
        issuer: whose tokens it trusts, see ``token_issuer.trust``.
        drivers: those of Connect, see ``pool``.
        warm: domain → how many drivers are kept warm for it.
        callers: the cluster's service accounts that may act, see ``policy.ServiceAccount``.
    """
    domain = {"namespace": NAMESPACE, "callers": list(callers)}
    policy = {
        "domains": {DOMAIN: domain},
        "platformUsers": [PLATFORM_USER],
        # whoever is at a laptop is of any domain
        "open": True,
    }
    objects, rules = "namespace.yaml", "policy.json"
    cluster = {"kubeconfig": kubeconfig, "namespace_objects": str(folder / objects)}
    pki = {"certificate": str(folder / _CERTIFICATE), "key": str(folder / _KEY)}
    config = {
        "host": listen,
        "port": ports["api"],
        **pki,
        "database": database,
        "policy": str(folder / rules),
        "clusters": {CLUSTER: cluster},
        "issuer": dict(issuer),
        "connect": {
            "port": ports["connect"],
            **({"tls_port": ports["connect_tls"], **pki} if "connect_tls" in ports else {}),
            "pools": {name: {**drivers, "size": count} for name, count in warm.items()},
            "other_pools": {**drivers, "size": 0},
        },
    }
    return {
        **tls,
        "config.json": json.dumps(config, indent=2),
        rules: json.dumps(policy),
        objects: "---\n".join(json.dumps(each) + "\n" for each in namespace_objects(variables)),
    }


def pool(
    engine: str | None, variables: Mapping[str, str], conf: Mapping[str, str]
) -> dict[str, Any]:
    """Connect's drivers of one user each, see ``spark_platform.gateway.settings.PoolSettings``.

    Args:
        engine: its version; None for the default one.
        variables: of the catalog.
        conf: Spark's settings, such as where tables lie, on top of the testkit's own.
    """
    spec = engine_spec(engine)
    return {
        "image": spec.image,
        "spark_version": spec.pyspark,
        "secrets": job_secrets(variables),
        "conf": {**SMALL_DATA, **_SMALL, **kubernetes_conf(variables), **conf},
    }


def certificates(*names: str) -> dict[str, str]:
    """A new authority and a server's certificate of it, as files by their names.

    Args:
        names: host names and addresses of the server.
    """
    import trustme

    made = trustme.CA()
    issued = made.issue_cert(*names)
    chain = b"".join(each.bytes() for each in issued.cert_chain_pems)
    return {
        AUTHORITY: made.cert_pem.bytes().decode(),
        _CERTIFICATE: chain.decode(),
        _KEY: issued.private_key_pem.bytes().decode(),
    }


def kubeconfig(context: PlanContext, endpoint: str, authority: Path, user: str, domain: str) -> str:
    """A kubeconfig of the gateway whose tokens come from the stack's issuer, whenever needed.

    Args:
        authority: the certificate that the gateway's is signed with.
    """
    command, *arguments = credential_command(context.stack_folder.name, user, domain)
    environment = [
        {"name": name, "value": value} for name, value in context.settings.as_env().items()
    ]
    credential = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": command,
            "args": arguments,
            "env": environment,
            "interactiveMode": "Never",
        }
    }
    return way(endpoint, authority, user, domain, credential)


def way(
    endpoint: str, authority: PurePath, user: str, domain: str, credential: Mapping[str, Any]
) -> str:
    """A kubeconfig of the gateway.

    Args:
        authority: the file with the certificate that the gateway's is signed with.
        credential: how the user proves who it is, as kubeconfigs have it.
    """
    cluster = {"server": endpoint, "certificate-authority": str(authority)}
    where = {"cluster": "gateway", "user": user, "namespace": domain}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "gateway",
        "clusters": [{"name": "gateway", "cluster": cluster}],
        "users": [{"name": user, "user": dict(credential)}],
        "contexts": [{"name": "gateway", "context": where}],
    }
    return json.dumps(document, indent=2)


SERVICE = Service(
    kind="gateway",
    summary="Spark Gateway: SparkApplications and Spark Connect on the stack's Kubernetes",
    plan=plan,
    needs=("s3", "unity-catalog", "token-issuer", "kubernetes", "spark-operator"),
    ports={"api": 8081, "connect": 15002, "connect_tls": 15003},
    by_default=False,
)
