"""DuckDB and Polars, unmodified, each in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from catalog_callers import UC, Caller
from clients import python_with
from pyiceberg.catalog.rest import RestCatalog

HERE = Path(__file__).parent
# an extension belongs to one release of DuckDB
DUCKDB = "1.5.5"
POLARS = ("polars==2.1.0", "deltalake==1.6.6")


def duckdb_packages(*extensions: str) -> list[str]:
    packages = [f"duckdb-extension-{name}" for name in extensions]
    return [f"{package}=={DUCKDB}" for package in ("duckdb", *packages)]


def run(
    script: str, tmp_path: Path, packages: list[str], *arguments: str, **environment: str
) -> None:
    """Run a script that finds no keys of any store but what it is given."""
    python = python_with(tmp_path / "env", *packages)
    quiet = {"AWS_EC2_METADATA_DISABLED": "true", "POLARS_ICEBERG_PLANNER": "pyiceberg"}
    # DuckDB looks for extensions at home
    known = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [python, HERE / script, *arguments],
        env={**known, **quiet, **environment},
        capture_output=True,
        text=True,
        timeout=200,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def admin(vending: Any) -> Any:
    # the first answer waits for libraries that are loaded
    with httpx.Client(timeout=60) as client:
        yield Caller(client, vending.token_file.read_text(), vending.url)


def test_duckdb_reads_and_writes_iceberg(vending: Any, admin: Caller, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets.json"
    secrets.touch(mode=0o600)
    secrets.write_text(
        json.dumps({"token": admin.token, "secret": admin.service_principal("duck")})
    )
    packages = duckdb_packages("httpfs", "avro", "iceberg")
    run("duckdb_iceberg.py", tmp_path, packages, vending.url, str(secrets))
    # what it has left is one object for all: with its columns, and with its rows
    [table] = admin("GET", f"{UC}/tables?catalog_name=unity&schema_name=duckdb").json()["tables"]
    assert [(one["name"], one["type_text"]) for one in table["columns"]] == [("id", "bigint")]
    options = {"uri": f"{vending.url}{UC}/iceberg", "warehouse": "unity", "token": admin.token}
    catalog = RestCatalog("unity", **options)
    assert catalog.load_table("duckdb.kept").scan().to_arrow()["id"].to_pylist() == [*range(10)]
    catalog.close()


def test_duckdb_and_spark_change_one_table(
    spark: Any, schema: str, unity_catalog: Any, tmp_path: Path
) -> None:
    table, store = f"{schema}.t", unity_catalog.s3
    spark.sql(
        f"CREATE TABLE {table} USING iceberg TBLPROPERTIES ('write.delete.mode'='merge-on-read') "
        "AS SELECT id, id % 3 AS part FROM range(4)"
    )
    spark.sql(f"DELETE FROM {table} WHERE id = 1")
    run(
        "duckdb_on_a_stack.py",
        tmp_path,
        duckdb_packages("httpfs", "avro", "iceberg"),
        table,
        ICEBERG_REST_URI=unity_catalog.iceberg_uri,
        AWS_ENDPOINT_URL_S3=store.endpoint,
        AWS_ACCESS_KEY_ID=store.access_key,
        AWS_SECRET_ACCESS_KEY=store.secret_key,
        AWS_REGION=store.region,
    )
    rows = spark.sql(f"SELECT id, part FROM {table} ORDER BY id").collect()
    assert [tuple(row) for row in rows] == [(2, 2), (3, 0), (4, 1), (5, 2)]


def test_duckdb_reads_and_adds_to_delta(unity: Any, tmp_path: Path) -> None:
    packages = [*duckdb_packages("httpfs", "delta", "unity-catalog"), *POLARS]
    run("duckdb_delta.py", tmp_path, packages, unity.url, unity.folder)


def test_polars_meets_what_it_knows(vending: Any, admin: Caller, tmp_path: Path) -> None:
    assert admin("GET", f"{UC}/catalogs").status_code == 200
    packages = [*POLARS, "pyiceberg[pyarrow]==0.12.0"]
    run(
        "polars_catalog.py",
        tmp_path,
        packages,
        vending.url,
        str(vending.token_file),
        vending.store,
    )
