"""Unity Catalog: our Iceberg REST server over the stack's S3."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass

from spark_platform.kernel.wait import NotYet
from spark_testkit.service import PlanContext, Service, ServiceSpec
from spark_testkit.services import s3

__all__ = ["CATALOG", "SERVICE", "HttpReadiness"]

CATALOG = "unity"
_ICEBERG_PATH = "/api/2.1/unity-catalog/iceberg"


def plan(context: PlanContext) -> ServiceSpec:
    """The catalog server: one catalog, ``unity``, stored under ``s3://unity``.

    Options:
        bind: address to listen on; a container's own is another than loopback.
    """
    store = context.peers["s3"].exports
    port = context.ports["api"]
    config = {
        "host": context.request.options.get("bind", "127.0.0.1"),
        "port": port,
        "database": str(context.folder / "catalog.sqlite"),
        "catalogs": [{"name": CATALOG, "storage_root": f"s3://{s3.WAREHOUSE_BUCKET}"}],
        "file_io": {
            "s3.endpoint": store["AWS_ENDPOINT_URL_S3"],
            "s3.access-key-id": store["AWS_ACCESS_KEY_ID"],
            "s3.secret-access-key": store["AWS_SECRET_ACCESS_KEY"],
            "s3.region": store["AWS_REGION"],
        },
        "client_properties": {
            "s3.endpoint": store["AWS_ENDPOINT_URL_S3"],
            "s3.path-style-access": "true",
            "s3.region": store["AWS_REGION"],
            "client.region": store["AWS_REGION"],
        },
    }
    config_file = context.folder / "config.json"
    endpoint = f"http://localhost:{port}"
    return ServiceSpec(
        name=context.request.name,
        argv=(sys.executable, "-m", "spark_emulators.unity_catalog", "--config", str(config_file)),
        files={config_file: json.dumps(config, indent=2)},
        ports=context.ports,
        endpoint=endpoint,
        exports={
            "UNITY_CATALOG_URI": endpoint,
            "ICEBERG_REST_URI": endpoint + _ICEBERG_PATH,
        },
        readiness=HttpReadiness(f"{endpoint}{_ICEBERG_PATH}/v1/config?warehouse={CATALOG}"),
        after=("s3",),
    )


@dataclass(frozen=True)
class HttpReadiness:
    """Ready when a GET of ``url`` answers 200."""

    url: str

    def check(self) -> None:
        from urllib.error import URLError
        from urllib.request import urlopen

        try:
            with urlopen(self.url, timeout=5):  # noqa: S310 - a loopback http URL we made
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
