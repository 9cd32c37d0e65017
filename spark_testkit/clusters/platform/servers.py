"""The platform's servers, wired to each other by their names in a cluster. Pure.

Each has the configuration that a stack's service has, see ``spark_testkit.services``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from spark_platform.kernel.database import sqlite_url
from spark_testkit.clusters.platform.objects import CONFIG, DATA, TOKEN, Server
from spark_testkit.services import gateway, runner, s3, token_issuer, unity_catalog
from spark_testkit.services.lineage import lineage_to
from spark_testkit.services.spark_connect import SMALL_DATA, tables_of
from spark_testkit.tokens import DOMAIN

__all__ = [
    "GATEWAY_ACCOUNT",
    "GATEWAY_RULES",
    "NODE_PORTS",
    "Wiring",
    "catalog",
    "gateway_host",
    "minio",
]

GATEWAY_ACCOUNT, _RUNNER_ACCOUNT = "spark-gateway", "spark-runner"
NODE_PORTS = {"s3": 30080, "catalog": 30081, "issuer": 30082, "connect": 30083, "runner": 30084}
"""What clients outside reach, and the port of the cluster's nodes that leads there."""

_EVERYWHERE = "0.0.0.0"  # noqa: S104
_CONFIG_FILE = f"{CONFIG}/config.json"


def _rule(group: str, resources: str, verbs: str, **named: Any) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split(), **named}


GATEWAY_RULES = (
    _rule("spark.apache.org", "sparkapplications", "create get list watch delete"),
    _rule("", "pods pods/log", "get list"),
    # domains' namespaces with what jobs need in them, and drivers' tokens
    _rule("", "namespaces", "create get"),
    _rule("", "secrets", "create get patch"),
    _rule("", "serviceaccounts", "create patch"),
    _rule("rbac.authorization.k8s.io", "rolebindings", "create patch"),
    _rule("rbac.authorization.k8s.io", "clusterroles", "bind", resourceNames=["edit"]),
    _rule("authentication.k8s.io", "tokenreviews", "create"),
)
"""What the Gateway does in a cluster, and no more."""


def minio(access_key: str, secret_key: str) -> Server:
    """S3."""
    return Server(
        "minio",
        s3.MINIO_IMAGE,
        {"s3": 9000},
        "/minio/health/ready",
        environment=s3.minio_environment(access_key, secret_key),
    )


def catalog(store: Mapping[str, str], seen_by_clients: str, admin_token: str = "") -> Server:
    """Unity Catalog.

    Args:
        store, seen_by_clients, admin_token: see ``unity_catalog.configuration``.
    """
    config = unity_catalog.configuration(
        listen=_EVERYWHERE,
        port=8080,
        database=sqlite_url(PurePosixPath(DATA) / "catalog.sqlite"),
        store=store,
        seen_by_clients=seen_by_clients,
        admin_token=admin_token,
    )
    return Server(
        "catalog",
        unity_catalog.IMAGE,
        {"catalog": 8080},
        # a kubelet has no token
        "/healthz" if admin_token else unity_catalog.CONFIGURED,
        arguments=("-m", "spark_emulators.unity_catalog", "--config", _CONFIG_FILE),
        files={"config.json": json.dumps(config)},
    )


@dataclass(frozen=True)
class Wiring:
    """What the servers of one cluster have in common.

    Attributes:
        namespace: theirs.
        doors: purpose of ``NODE_PORTS`` → port of this machine's loopback interface.
        keys: ``access``, ``secret``: of S3; ``issuer``: of whoever may ask for tokens; ``catalog``:
            the token of the catalog's admin, where the catalog asks who one is.
        tls: of the Gateway, see ``gateway.certificates``.
        warm: domain → how many drivers of queries are kept warm.
        lineage: whether Spark tells the catalog what comes from what.
    """

    namespace: str
    doors: Mapping[str, int]
    keys: Mapping[str, str] = field(repr=False)
    tls: Mapping[str, str] = field(repr=False)
    warm: Mapping[str, int]
    lineage: bool = False

    def servers(self) -> Iterator[Server]:
        """All of them."""
        parts = (
            minio(self.keys["access"], self.keys["secret"]),
            catalog(self._store(), self._outside("s3"), self.keys.get("catalog", "")),
            self._issuer(),
            self._gateway(),
            self._runner(),
        )
        for each in parts:
            published = {name: NODE_PORTS[name] for name in each.ports if name in NODE_PORTS}
            yield replace(each, published=published)

    def exports(self) -> dict[str, str]:
        """The variables of clients on this machine."""
        return {
            **self._store(),
            "AWS_ENDPOINT_URL_S3": self._outside("s3"),
            **unity_catalog.exports(self._outside("catalog"), self.keys.get("catalog", "")),
            "SPARK_TOKEN_ISSUER_URL": self._outside("issuer"),
            "SPARK_TOKEN_ISSUER_SECRET": self.keys["issuer"],
            # stock Python clients send a token without TLS only to a host spelled `localhost`
            "SPARK_GATEWAY_CONNECT": f"sc://localhost:{self.doors['connect']}",
            "SPARK_RUNNER_URL": self._outside("runner"),
        }

    def _outside(self, purpose: str) -> str:
        return f"http://localhost:{self.doors[purpose]}"

    def _inside(self, server: str, port: int) -> str:
        return f"http://{server}.{self.namespace}.svc:{port}"

    def _store(self) -> dict[str, str]:
        """S3, as pods reach it."""
        return {
            "AWS_ENDPOINT_URL_S3": self._inside("minio", 9000),
            "AWS_ACCESS_KEY_ID": self.keys["access"],
            "AWS_SECRET_ACCESS_KEY": self.keys["secret"],
            "AWS_REGION": s3.REGION,
        }

    def _variables(self) -> dict[str, str]:
        """S3 and the catalog, as pods reach them."""
        inside = self._inside("catalog", 8080)
        return {**self._store(), **unity_catalog.exports(inside, self.keys.get("catalog", ""))}

    def _spark(self) -> dict[str, str]:
        """Settings of any Spark of the cluster."""
        variables = self._variables()
        return {**tables_of(variables), **(lineage_to(variables) if self.lineage else {})}

    def _trust(self) -> dict[str, str]:
        return token_issuer.trust(
            {
                "SPARK_TOKEN_ISSUER_URL": self._outside("issuer"),
                "SPARK_TOKEN_ISSUER_JWKS": self._inside("token-issuer", 8083),
            }
        )

    def _issuer(self) -> Server:
        config = token_issuer.configuration(
            listen=_EVERYWHERE,
            port=8083,
            issuer=self._outside("issuer"),
            key_file=f"{DATA}/key.pem",
            secret=self.keys["issuer"],
        )
        return Server(
            "token-issuer",
            unity_catalog.IMAGE,
            {"issuer": 8083},
            "/jwks.json",
            arguments=("-m", "spark_emulators.token_issuer", "--config", _CONFIG_FILE),
            files={"config.json": json.dumps(config)},
        )

    def _gateway(self) -> Server:
        ports = {"api": 8081, "connect": 15002}
        runner_account = {
            "cluster": gateway.CLUSTER,
            "namespace": self.namespace,
            "serviceAccount": _RUNNER_ACCOUNT,
            "user": gateway.PLATFORM_USER,
        }
        made = gateway.files(
            PurePosixPath(CONFIG),
            listen=_EVERYWHERE,
            ports=ports,
            database=sqlite_url(PurePosixPath(DATA, "gateway.sqlite")),
            tls=self.tls,
            kubeconfig=None,
            variables=self._variables(),
            issuer=self._trust(),
            drivers=gateway.pool(None, self._variables(), self._spark()),
            warm=self.warm,
            callers=[runner_account],
        )
        return Server(
            "gateway",
            unity_catalog.IMAGE,
            ports,
            "/healthz",
            scheme="HTTPS",
            arguments=("-m", "spark_platform.gateway", "--config", _CONFIG_FILE),
            files=made,
            account=GATEWAY_ACCOUNT,
        )

    def _runner(self) -> Server:
        ports = {"runner": 8082, "grpc": 8084}
        config = runner.configuration(
            listen=_EVERYWHERE,
            ports={"api": ports["runner"], "grpc": ports["grpc"]},
            database=sqlite_url(PurePosixPath(DATA, "runs.sqlite")),
            issuer=self._trust(),
            kubeconfig=f"{CONFIG}/kubeconfig",
            variables=self._variables(),
            conf={**SMALL_DATA, **gateway.SMALL_PODS, **gateway.QUICK_PODS, **self._spark()},
        )
        way = gateway.way(
            f"https://{gateway_host(self.namespace)}:8081",
            PurePosixPath(CONFIG, gateway.AUTHORITY),
            gateway.PLATFORM_USER,
            DOMAIN,
            {"tokenFile": TOKEN},
        )
        return Server(
            "runner",
            unity_catalog.IMAGE,
            ports,
            "/healthz",
            arguments=("-m", "spark_platform.runner", "--config", _CONFIG_FILE),
            files={
                "config.json": json.dumps(config),
                "kubeconfig": way,
                gateway.AUTHORITY: self.tls[gateway.AUTHORITY],
            },
            account=_RUNNER_ACCOUNT,
            audience=token_issuer.AUDIENCE,
        )


def gateway_host(namespace: str) -> str:
    """What pods call the Gateway, which its certificate has to name."""
    return f"gateway.{namespace}.svc"
