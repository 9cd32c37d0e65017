"""S3 and a catalog for the flights job: as processes of this machine, and as pods of a cluster."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from application_sites import SECRETS, ApplicationSite

from spark_platform.kernel.wait import poll
from spark_testkit.clusters.platform import objects, servers
from spark_testkit.resources import resource
from spark_testkit.services import s3
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
        upload(exports, bucket)
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
    endpoint = inside["AWS_ENDPOINT_URL_S3"]
    minio = servers.minio(inside["AWS_ACCESS_KEY_ID"], inside["AWS_SECRET_ACCESS_KEY"])
    catalog = servers.catalog(inside, seen_by_clients=endpoint)
    for server in (minio, catalog):
        for each in objects.objects(server, site.namespace):
            site.apply(each)
    for server in (minio, catalog):
        _ready(site, server.name)
    with site.kubectl.forwarding("service/minio", 9000) as (_, [port]):
        exports = {**inside, "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}"}
        readiness = s3.S3Readiness(exports, s3.WAREHOUSE_BUCKET)
        poll(readiness.check, what="MinIO to store objects", timeout_s=TIMEOUT_S)
        upload(exports, bucket)
    yield Store(endpoint, f"http://catalog.{site.namespace}.svc:8080")


def _ready(site: ApplicationSite, name: str) -> None:
    done = site.kubectl.run(
        "wait", "--for=condition=Available", f"deployment/{name}", f"--timeout={TIMEOUT_S}s"
    )
    if done.returncode:
        own = ("--selector", f"{objects.LABEL}={name}")
        tells = site.kubectl.run("describe", "pods", *own).stdout
        logs = site.kubectl.run("logs", *own, "--tail=20")
        raise AssertionError(f"{done.stderr}\n{tells}\n{logs.stdout}{logs.stderr}")


def upload(exports: Mapping[str, str], bucket: str) -> None:
    """Have the job and its raw files in ``bucket`` of the S3 that ``exports`` name."""
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
