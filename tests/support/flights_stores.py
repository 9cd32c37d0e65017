"""S3 and a catalog for the flights job: as processes of this machine, and as pods of a cluster."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from application_sites import SECRETS, ApplicationSite

from spark_platform.kernel.wait import poll
from spark_testkit.resources import resource
from spark_testkit.services import s3, unity_catalog
from spark_testkit.settings import Settings
from spark_testkit.stack import Stack

EXAMPLE = resource("examples/coreetl_flights")
TIMEOUT_S = 80


@dataclass(frozen=True)
class Store:
    """Where applications find their data.

    Attributes:
        endpoint: of S3, as pods reach it.
        catalog: of the catalog, as pods reach it.
    """

    endpoint: str
    catalog: str


@contextlib.contextmanager
def store_of_processes(site: ApplicationSite, bucket: str, settings: Settings) -> Iterator[Store]:
    """A stack of this machine, with the job and its raw files in ``bucket``."""
    with Stack("flights", settings=settings) as stack:
        started = stack.up("s3", "unity-catalog")
        exports = started["s3"]
        _secret(site, "s3", _keys(exports))
        _upload(exports, bucket)
        yield Store(exports["AWS_ENDPOINT_URL_S3"], started["unity-catalog"]["UNITY_CATALOG_URI"])


@contextlib.contextmanager
def store_of_pods(site: ApplicationSite, bucket: str) -> Iterator[Store]:
    """Pods of the project's images in the site's namespace, with the same in ``bucket``."""
    inside = {
        "AWS_ENDPOINT_URL_S3": f"http://minio.{site.namespace}.svc:9000",
        "AWS_ACCESS_KEY_ID": secrets.token_hex(10),
        "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(24),
        "AWS_REGION": s3.REGION,
    }
    _secret(site, "s3", _keys(inside))
    config = unity_catalog.configuration(
        listen="0.0.0.0",
        port=8080,
        database="/data/catalog.sqlite",
        store=inside,
        seen_by_clients=inside["AWS_ENDPOINT_URL_S3"],
    )
    _secret(site, "catalog", {"config.json": json.dumps(config)})
    _serve(site, "minio", _minio(), 9000, "/minio/health/ready")
    _ready(site, "minio")
    with site.kubectl.forwarding("service/minio", 9000) as (_, [port]):
        exports = {**inside, "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}"}
        readiness = s3.S3Readiness(exports, s3.WAREHOUSE_BUCKET)
        poll(readiness.check, what="MinIO to store objects", timeout_s=TIMEOUT_S)
        _upload(exports, bucket)
    configured = "/api/2.1/unity-catalog/iceberg/v1/config?warehouse=unity"
    _serve(site, "catalog", _catalog(), 8080, configured)
    _ready(site, "catalog")
    yield Store(inside["AWS_ENDPOINT_URL_S3"], f"http://catalog.{site.namespace}.svc:8080")


def _minio() -> dict[str, Any]:
    of_secret = {"MINIO_ROOT_USER": "key", "MINIO_ROOT_PASSWORD": "secret"}
    variables = [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": "s3", "key": key}}}
        for name, key in of_secret.items()
    ]
    return {
        "containers": [
            {
                "image": s3.MINIO_IMAGE,
                "env": [*variables, {"name": "MINIO_REGION", "value": s3.REGION}],
            }
        ]
    }


def _catalog() -> dict[str, Any]:
    return {
        "containers": [
            {
                "image": unity_catalog.IMAGE,
                "args": ["-m", "spark_emulators.unity_catalog", "--config", "/config/config.json"],
                "volumeMounts": [{"name": "config", "mountPath": "/config"}],
            }
        ],
        "volumes": [{"name": "config", "secret": {"secretName": "catalog"}}],
    }


def _serve(site: ApplicationSite, name: str, podspec: dict[str, Any], port: int, path: str) -> None:
    """A pod and a service of the same name; the pod is ready when a GET of ``path`` answers 200."""
    (container,) = podspec["containers"]
    container |= {
        "name": name,
        # these tags are called `latest`, and no registry has them
        "imagePullPolicy": "Never",
        "readinessProbe": {"httpGet": {"path": path, "port": port}, "periodSeconds": 1},
    }
    labels = {"app": name}
    for kind, spec in (
        ("Pod", {**podspec, "terminationGracePeriodSeconds": 1}),
        ("Service", {"selector": labels, "ports": [{"port": port}]}),
    ):
        metadata = {"name": name, "labels": labels}
        site.apply({"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": spec})


def _ready(site: ApplicationSite, name: str) -> None:
    done = site.kubectl.run(
        "wait", "--for=condition=Ready", f"pod/{name}", f"--timeout={TIMEOUT_S}s"
    )
    if done.returncode:
        tells = site.kubectl.run("describe", "pod", name).stdout
        logs = site.kubectl.run("logs", name, "--tail=20")
        raise AssertionError(f"{done.stderr}\n{tells}\n{logs.stdout}{logs.stderr}")


def _upload(exports: Mapping[str, str], bucket: str) -> None:
    for module in ("coreetl_flights.data", "coreetl_flights.package"):
        done = subprocess.run(
            [sys.executable, "-m", module, bucket],
            cwd=EXAMPLE,
            env={**os.environ, **exports},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]


def _keys(exports: Mapping[str, str]) -> dict[str, str]:
    return {"key": exports["AWS_ACCESS_KEY_ID"], "secret": exports["AWS_SECRET_ACCESS_KEY"]}


def _secret(site: ApplicationSite, name: str, texts: Mapping[str, str]) -> None:
    value = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}}
    site.kubernetes.create(SECRETS, site.namespace, {**value, "stringData": texts})
