"""Unity Catalog: our Iceberg REST server over the stack's S3."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spark_platform.kernel.database import sqlite_url
from spark_platform.kernel.wait import NotYet
from spark_testkit.service import PlanContext, Service, ServiceSpec
from spark_testkit.services import s3

__all__ = [
    "CATALOG",
    "CONFIGURED",
    "IMAGE",
    "SERVICE",
    "SYSTEM",
    "TOKEN",
    "HttpReadiness",
    "configuration",
    "exports",
    "readiness",
    "with_its_store",
]

CATALOG = "unity"
SYSTEM = "system"
TOKEN = "UNITY_CATALOG_TOKEN"  # noqa: S105
"""The variable of the admin's token, where the catalog asks who one is."""

IMAGE = "testkit:latest"
_OTHER_CATALOGS = "catalogs"
_ICEBERG_PATH = "/api/2.1/unity-catalog/iceberg"
CONFIGURED = f"{_ICEBERG_PATH}/v1/config?warehouse={CATALOG}"
"""Where a catalog tells its configuration."""


def plan(context: PlanContext) -> ServiceSpec:
    """The catalog server: one catalog, ``unity``, stored under ``s3://unity``.

    Options:
        auth: whether it asks who one is, and what that one may do.
    """
    peer = context.peers["s3"]
    token = context.secrets["catalog_token"] if context.request.options.get("auth") else ""
    config = configuration(
        listen=context.place.listen,
        port=context.ports["api"],
        database=sqlite_url(context.folder / "catalog.sqlite"),
        store=peer.for_peers(),
        seen_by_clients=peer.exports["AWS_ENDPOINT_URL_S3"],
        admin_token=token,
    )
    config_file = context.folder / "config.json"
    endpoint = f"http://{context.outside('api')}"
    python = () if context.place.container else (sys.executable,)
    return ServiceSpec(
        name=context.request.name,
        argv=(*python, "-m", "spark_emulators.unity_catalog", "--config", str(config_file)),
        files={config_file: json.dumps(config, indent=2)},
        **context.port_fields("api"),
        endpoint=endpoint,
        exports=exports(endpoint, token),
        peer_exports=exports(f"http://{context.inside('api')}", token),
        readiness=readiness(endpoint, token),
        detail="asks who one is" if token else "",
        after=("s3",),
        image=IMAGE if context.place.container else "",
    )


def configuration(
    *,
    listen: str,
    port: int,
    database: str,
    store: Mapping[str, str],
    seen_by_clients: str,
    admin_token: str = "",
) -> dict[str, Any]:
    """The server's configuration file, see ``spark_emulators.unity_catalog.settings``.

    Args:
        database: its URL.
        store: variables of the S3 it stores in, as it reaches that.
        seen_by_clients: endpoint of the same S3, as clients on this machine reach it.
        admin_token: makes it ask who one is: the token of ``admin``; empty for an open catalog.
    """
    return {
        "host": listen,
        "port": port,
        "database": database,
        "storage_root": f"s3://{s3.WAREHOUSE_BUCKET}/{_OTHER_CATALOGS}",
        "catalogs": [{"name": CATALOG, "storage_root": f"s3://{s3.WAREHOUSE_BUCKET}"}],
        "file_io": {
            "s3.endpoint": store["AWS_ENDPOINT_URL_S3"],
            "s3.access-key-id": store["AWS_ACCESS_KEY_ID"],
            "s3.secret-access-key": store["AWS_SECRET_ACCESS_KEY"],
            "s3.region": store["AWS_REGION"],
        },
        "vending": {
            "endpoint": store["AWS_ENDPOINT_URL_S3"],
            "access_key_id": store["AWS_ACCESS_KEY_ID"],
            "secret_access_key": store["AWS_SECRET_ACCESS_KEY"],
            "region": store["AWS_REGION"],
            "role_arn": s3.ROLE_ARN,
            # where nobody proves who they are, everybody has the store's own keys
            "delegation": "always" if admin_token else "never",
        },
        "authorization": {"admin_token": admin_token} if admin_token else None,
        "client_properties": {
            "s3.endpoint": seen_by_clients,
            "s3.path-style-access": "true",
            "s3.region": store["AWS_REGION"],
            "client.region": store["AWS_REGION"],
        },
    }


def with_its_store(peers: Mapping[str, ServiceSpec]) -> dict[str, str]:
    """The variables of a stack's catalog and of the S3 below it, as its services reach them."""
    return {**peers["s3"].for_peers(), **peers["unity-catalog"].for_peers()}


def exports(endpoint: str, token: str = "") -> dict[str, str]:
    """The environment variables that point clients at a catalog.

    Args:
        token: the admin's, where the catalog asks for one.
    """
    uris = {"UNITY_CATALOG_URI": endpoint, "ICEBERG_REST_URI": endpoint + _ICEBERG_PATH}
    return {**uris, TOKEN: token} if token else uris


def readiness(endpoint: str, token: str = "") -> HttpReadiness:
    """Asks a catalog for its configuration."""
    return HttpReadiness(f"{endpoint}{CONFIGURED}", token=token)


@dataclass(frozen=True)
class HttpReadiness:
    """Ready when a GET of ``url`` answers 200; over TLS as who its certificate says.

    Attributes:
        authority: the certificate that signs the server's; None for those the machine trusts.
        token: what it is asked with; empty for none.
    """

    url: str
    authority: Path | None = None
    token: str = field(default="", repr=False)

    def check(self) -> None:
        import ssl
        from urllib.error import URLError
        from urllib.request import BaseHandler, HTTPSHandler, ProxyHandler, Request, build_opener

        try:
            # the user's proxy cannot reach it
            handlers: list[BaseHandler] = [ProxyHandler({})]
            if self.authority is not None:
                trust = ssl.create_default_context(cafile=str(self.authority))
                handlers.append(HTTPSHandler(context=trust))
            headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
            question = Request(self.url, headers=headers)  # noqa: S310
            with build_opener(*handlers).open(question, timeout=5):
                return
        except (URLError, OSError) as error:
            raise NotYet(str(error)) from error


SERVICE = Service(
    kind="unity-catalog",
    summary="Unity Catalog (Iceberg REST), tables on the stack's S3",
    plan=plan,
    needs=("s3",),
    ports={"api": 8080},
)
