"""Spark as two principals of a catalog that asks who they are: one writes, one may only read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from catalog_callers import Caller

CATALOG = "org.apache.iceberg.spark.SparkCatalog"


@pytest.fixture
def admin(guarded: Any) -> Iterator[Caller]:
    with httpx.Client() as client:
        yield Caller(client, guarded.token_file.read_text(), guarded.url)


@pytest.fixture
def catalogs(spark: Any, guarded: Any, admin: Caller) -> Any:
    """The session has the catalog twice: as ``sparkwriter`` and as ``sparkreader``."""
    for name in ("sparkwriter", "sparkreader"):
        settings = {
            "type": "rest",
            "uri": f"{guarded.url}/api/2.1/unity-catalog/iceberg",
            "warehouse": "unity",
            "credential": f"{name}:{admin.service_principal(name)}",
            "oauth2-server-uri": f"{guarded.url}/oidc/v1/token",
            "io-impl": "org.apache.iceberg.hadoop.HadoopFileIO",
        }
        spark.conf.set(f"spark.sql.catalog.{name}", CATALOG)
        for key, value in settings.items():
            spark.conf.set(f"spark.sql.catalog.{name}.{key}", value)
    return spark


def refused(spark: Any, query: str, missing: str) -> None:
    with pytest.raises(Exception, match=rf"may not (?s:.*)it needs (?s:.*){missing}"):
        spark.sql(query).collect()


def test_a_reader_reads_and_cannot_write(catalogs: Any, admin: Caller) -> None:
    spark = catalogs
    admin.grant("catalog", "unity", "sparkwriter", "USE CATALOG", "CREATE SCHEMA")
    spark.sql("CREATE SCHEMA sparkwriter.shop")
    spark.sql("CREATE TABLE sparkwriter.shop.t USING iceberg AS SELECT id FROM range(3)")
    admin.grant("catalog", "unity", "sparkreader", "USE CATALOG")
    refused(spark, "SELECT * FROM sparkreader.shop.t", "SELECT on table t")
    admin.grant("schema", "unity.shop", "sparkreader", "USE SCHEMA")
    admin.grant("table", "unity.shop.t", "sparkreader", "SELECT")
    assert spark.sql("SELECT * FROM sparkreader.shop.t").count() == 3
    refused(spark, "INSERT INTO sparkreader.shop.t VALUES (9)", "MODIFY on table t")
    refused(spark, "CREATE TABLE sparkreader.shop.u (a INT) USING iceberg", "CREATE TABLE on")
    refused(spark, "DROP TABLE sparkreader.shop.t", "ownership of")
    spark.sql("INSERT INTO sparkwriter.shop.t VALUES (9)")
    assert spark.sql("SELECT * FROM sparkwriter.shop.t").count() == 4
    spark.sql("DROP TABLE sparkwriter.shop.t PURGE")
    spark.sql("DROP SCHEMA sparkwriter.shop")
