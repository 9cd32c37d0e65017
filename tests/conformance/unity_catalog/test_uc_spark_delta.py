"""Delta Lake's own Spark integration on the catalog: by name and by path, managed and external.

Unity Catalog's connector for Spark is not published where this project's jars come from: a class
of its name (``stand_in``) does what Delta leaves to it. What makes, loads, commits to and reads
tables, and asks for the keys to their files, is Delta itself with the clients that it comes with.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from catalog_callers import UC, Caller

from requirements import need
from spark_testkit.engine import install
from spark_testkit.settings import Settings

CONNECTOR = "io.unitycatalog.spark.UCSingleCatalog"
SOURCES = Path(__file__).parent / "stand_in"
ICEBERG = "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions"
DELTA = pytest.mark.sparktk(
    isolation="server",
    conf={
        "spark.sql.extensions": f"{ICEBERG},io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    },
)


@pytest.fixture(scope="session")
def connector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stand-in, compiled."""
    compiler = shutil.which("javac")
    need("javac", compiler is not None, "install a JDK, not only a JRE")
    assert compiler is not None
    engine = install(None, Settings.from_env(os.environ))
    folder = tmp_path_factory.mktemp("connector")
    arguments = folder / "javac.args"
    jars = os.pathsep.join(map(str, engine.jars))
    sources = "\n".join(f'"{path}"' for path in SOURCES.rglob("*.java"))
    arguments.write_text(f'-nowarn -proc:none -d "{folder / "classes"}"\n-cp "{jars}"\n{sources}\n')
    done = subprocess.run(
        [compiler, f"@{arguments}"], capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    jar = folder / "connector.jar"
    with zipfile.ZipFile(jar, "w") as archive:
        for path in (folder / "classes").rglob("*.class"):
            archive.write(path, path.relative_to(folder / "classes"))
    return jar


def mounted(spark: Any, connector: Path, catalog: str, **settings: str) -> Any:
    """The session with a catalog of Unity Catalog's, by the same name."""
    spark.addArtifacts(str(connector))
    key = f"spark.sql.catalog.{catalog}"
    spark.conf.set(key, CONNECTOR)
    for name, value in {"deltaRestApi.enabled": "true", **settings}.items():
        spark.conf.set(f"{key}.{name}", value)
    return spark


def rows(spark: Any, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in spark.sql(query).collect()]


@pytest.fixture
def lake(unity_catalog: Any) -> Iterator[str]:
    """A catalog of the stack's, for this test."""
    name = f"lake_{uuid.uuid4().hex[:8]}"
    with httpx.Client(base_url=unity_catalog.uri + UC) as client:
        assert client.post("/catalogs", json={"name": name}).status_code == 200
        yield name
        assert client.delete(f"/catalogs/{name}?force=true").status_code == 200


def told(unity_catalog: Any, table: str) -> dict[str, Any]:
    """What Delta's API tells of a table."""
    catalog, schema, name = table.split(".")
    path = f"{UC}/delta/v1/catalogs/{catalog}/schemas/{schema}/tables/{name}"
    answer = httpx.get(unity_catalog.uri + path)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def changed(spark: Any, table: str) -> None:
    """Go through what Delta does to rows; the table has the columns ``id`` and ``part``."""
    spark.sql(f"INSERT INTO {table} VALUES (1, 'a'), (2, 'b'), (3, 'c')")
    spark.sql(f"UPDATE {table} SET part = 'z' WHERE id = 1")
    spark.sql(f"DELETE FROM {table} WHERE id = 3")
    spark.sql(
        f"MERGE INTO {table} t USING (SELECT * FROM VALUES (2L, 'y'), (4L, 'x') AS s(id, part)) s "
        "ON t.id = s.id WHEN MATCHED THEN UPDATE SET part = s.part WHEN NOT MATCHED THEN INSERT *"
    )
    assert rows(spark, f"SELECT id, part FROM {table} ORDER BY id") == [
        *((1, "z"), (2, "y"), (4, "x")),
    ]
    assert rows(spark, f"SELECT part FROM {table} VERSION AS OF 1 ORDER BY id") == [
        *(("a",), ("b",), ("c",)),
    ]


@DELTA
def test_tables_are_made_and_changed(
    spark: Any, connector: Path, unity_catalog: Any, lake: str, s3_bucket: str
) -> None:
    # the stack asks nobody who they are, and Delta has no client without a token
    mounted(spark, connector, lake, uri=unity_catalog.uri, token="none")
    spark.sql(f"CREATE SCHEMA {lake}.s")

    managed = f"{lake}.s.managed"
    spark.sql(f"CREATE TABLE {managed} (id BIGINT, part STRING) USING delta")
    changed(spark, managed)
    spark.sql(f"ALTER TABLE {managed} ADD COLUMN more INT")
    table = told(unity_catalog, managed)
    metadata = table["metadata"]
    assert metadata["table-type"] == "MANAGED"
    assert "__unitystorage" in metadata["location"]
    assert [one["name"] for one in metadata["columns"]["fields"]] == ["id", "part", "more"]
    assert table["latest-table-version"] == metadata["last-commit-version"] == 5

    copy = f"{lake}.s.copy"
    spark.sql(f"CREATE TABLE {copy} USING delta AS SELECT id FROM {managed}")
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda n: spark.sql(f"INSERT INTO {copy} VALUES ({n})"), range(10, 13)))
    assert rows(spark, f"SELECT count(*) FROM {copy}") == [(6,)]
    assert told(unity_catalog, copy)["latest-table-version"] == 3

    path = f"s3://{s3_bucket}/tables/external"
    external = f"{lake}.s.external"
    spark.sql(
        f"CREATE TABLE {external} (id BIGINT, part STRING) USING delta "
        f"PARTITIONED BY (part) LOCATION '{path}'"
    )
    changed(spark, external)
    assert rows(spark, f"SELECT count(*) FROM delta.`{path}`") == [(3,)]
    spark.sql(f"INSERT INTO delta.`{path}` VALUES (5, 'w')")
    assert rows(spark, f"SELECT part FROM {external} WHERE id = 5") == [("w",)]
    metadata = told(unity_catalog, external)["metadata"]
    assert (metadata["table-type"], metadata["location"]) == ("EXTERNAL", path)

    # what is there already is taken up by name
    spark.sql(f"DROP TABLE {external}")
    spark.sql(f"CREATE TABLE {lake}.s.again USING delta LOCATION '{path}'")
    assert rows(spark, f"SELECT count(*) FROM {lake}.s.again") == [(4,)]
    tables = {name for (_, name, _) in rows(spark, f"SHOW TABLES IN {lake}.s")}
    assert tables == {"managed", "copy", "again"}


@pytest.fixture
def admin(guarded: Any) -> Iterator[Caller]:
    with httpx.Client() as client:
        yield Caller(client, guarded.token_file.read_text(), guarded.url)


@DELTA
def test_who_may_do_what(spark: Any, connector: Path, guarded: Any, admin: Caller) -> None:
    catalog = {"name": "shop", "storage_root": f"{guarded.folder}/shop"}
    assert admin("POST", f"{UC}/catalogs", json=catalog).status_code == 200
    schema = {"name": "s", "catalog_name": "shop"}
    assert admin("POST", f"{UC}/schemas", json=schema).status_code == 200
    secret = admin.service_principal("deltaclerk")
    tokens = f"{guarded.url}/oidc/v1/token"
    login = {"type": "oauth", "oauth.uri": tokens, "oauth.clientId": "deltaclerk"}
    settings = {f"auth.{key}": value for key, value in login.items()}
    settings["auth.oauth.clientSecret"] = secret
    mounted(spark, connector, "shop", uri=guarded.url, **settings)

    def refused(query: str, missing: str) -> None:
        with pytest.raises(Exception, match=rf"may not (?s:.*)it needs (?s:.*){missing}"):
            spark.sql(query).collect()

    make = "CREATE TABLE shop.s.t (id BIGINT) USING delta"
    refused(make, "USE CATALOG on catalog shop")
    admin.grant("catalog", "shop", "deltaclerk", "USE CATALOG")
    admin.grant("schema", "shop.s", "deltaclerk", "USE SCHEMA", "CREATE TABLE")
    spark.sql(make)
    spark.sql("INSERT INTO shop.s.t VALUES (1)")
    form = {"grant_type": "client_credentials", "scope": "all-apis"}
    answer = admin.http.post(tokens, data=form, auth=("deltaclerk", secret))
    clerk = Caller(admin.http, answer.json()["access_token"], guarded.url)
    gift = clerk("PATCH", f"{UC}/tables/shop.s.t", json={"owner": "admin"})
    assert gift.status_code == 200, gift.text
    refused("SELECT * FROM shop.s.t", "SELECT on table t")
    admin.grant("table", "shop.s.t", "deltaclerk", "SELECT")
    assert rows(spark, "SELECT * FROM shop.s.t") == [(1,)]
    # an INSERT is refused too, but Delta takes that for a failure that may pass, for minutes
    refused("DROP TABLE shop.s.t", "ownership of")
    admin.grant("table", "shop.s.t", "deltaclerk", "MODIFY")
    spark.sql("INSERT INTO shop.s.t VALUES (3)")
    assert rows(spark, "SELECT * FROM shop.s.t ORDER BY id") == [(1,), (3,)]
