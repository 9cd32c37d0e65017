"""Polars: its own Unity Catalog client, through Delta tables, and Iceberg tables by pyiceberg.

Run with the catalog's host, a file with its admin's token and the URL of its S3 store. The keys of
the store come from the catalog.
"""

import json
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import polars as pl
from polars.exceptions import ComputeError
from pyiceberg.catalog.rest import RestCatalog

ROWS = pl.DataFrame({"id": [1, 2, 3], "name": ["a", None, "c"]})

PLACE = "s3://unity/polars-tables"


def refused(call, *said: str) -> None:
    refusal = ""
    try:
        call()
    except ComputeError as error:
        refusal = str(error)
    assert refusal, said
    assert all(word in refusal for word in said), refusal


def containers(catalog: pl.Catalog) -> None:
    made = catalog.create_catalog("polars", comment="x", storage_root="s3://unity/polars")
    assert (made.name, made.comment) == ("polars", "x")
    refused(lambda: catalog.create_catalog("polars"), "400", "CATALOG_ALREADY_EXISTS")
    assert "polars" in [one.name for one in catalog.list_catalogs()]
    catalog.create_namespace("polars", "s", comment="y")
    listed = [(one.name, one.comment) for one in catalog.list_namespaces("polars")]
    assert listed == [("s", "y")]


def tables(catalog: pl.Catalog, store: dict[str, str], url: str, token: str) -> None:
    for name, kind in (("t", "DELTA"), ("p", "PARQUET")):
        catalog.create_table(
            "polars",
            "s",
            name,
            schema=ROWS.schema,
            table_type="EXTERNAL",
            data_source_format=kind,
            storage_root=f"{PLACE}/{name}",
        )
    assert [one.name for one in catalog.list_tables("polars", "s")] == ["p", "t"]
    told = catalog.get_table_info("polars", "s", "t")
    assert (told.table_type, told.get_polars_schema()) == ("EXTERNAL", ROWS.schema)
    refused(lambda: catalog.get_table_info("polars", "s", "none"), "404", "TABLE_NOT_FOUND")

    # the keys are vended by the catalog; Polars looks for no endpoint there
    for _ in range(2):
        catalog.write_table(ROWS, "polars", "s", "t", delta_mode="append", storage_options=store)
    found = catalog.scan_table("polars", "s", "t", storage_options=store)
    assert found.filter(pl.col("id") > 1).collect().height == 4
    keys = vended(catalog.get_table_info("polars", "s", "p").table_id, url, token)
    # for Polars, such a table is one file
    ROWS.write_parquet(f"{PLACE}/p", storage_options={**store, **keys})
    assert catalog.scan_table("polars", "s", "p", storage_options=store).collect().equals(ROWS)


def vended(table_id: str, url: str, token: str) -> dict[str, str]:
    """Keys to write a table's files with: of Parquet, Polars does not ask for them itself."""
    request = Request(
        f"{url}/api/2.1/unity-catalog/temporary-table-credentials",
        data=json.dumps({"table_id": table_id, "operation": "READ_WRITE"}).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urlopen(request) as answer:
        keys = json.load(answer)["aws_temp_credentials"]
    return {f"aws_{name}": value for name, value in keys.items()}


def iceberg(url: str, token: str) -> None:
    catalog = RestCatalog(
        "unity", uri=f"{url}/api/2.1/unity-catalog/iceberg", warehouse="unity", token=token
    )
    catalog.create_namespace("polars")
    table = catalog.create_table("polars.t", ROWS.to_arrow().schema)
    ROWS.write_iceberg(table, mode="append")
    ours = {key: value for key, value in table.io.properties.items() if key.startswith("s3.")}
    ours["s3.region"] = table.io.properties["client.region"]
    ROWS.lazy().sink_iceberg(table, mode="append", storage_options=ours)
    table = catalog.load_table("polars.t")
    first = table.history()[0].snapshot_id
    for reader in ("native", "pyiceberg"):
        options = {"storage_options": ours, "reader_override": reader}
        assert pl.scan_iceberg(table, **options).collect().height == 6
        assert pl.scan_iceberg(table, snapshot_id=first, **options).collect().height == 3
        found = pl.scan_iceberg(table, **options).filter(pl.col("id") == 1).collect()
        assert found["name"].to_list() == ["a", "a"]
    catalog.drop_table("polars.t")
    catalog.drop_namespace("polars")


def main(url: str, token_file: str, store: str) -> None:
    token = Path(token_file).read_text()
    forger = pl.Catalog(url, bearer_token="forged", require_https=False)
    refused(forger.list_catalogs, "401", "UNAUTHENTICATED")
    catalog = pl.Catalog(url, bearer_token=token, require_https=False)
    containers(catalog)
    tables(catalog, {"aws_endpoint_url": store, "aws_allow_http": "true"}, url, token)
    iceberg(url, token)
    refused(lambda: catalog.delete_namespace("polars", "s"), "400", "FAILED_PRECONDITION")
    for name in ("t", "p"):
        catalog.delete_table("polars", "s", name)
    catalog.delete_namespace("polars", "s")
    catalog.delete_catalog("polars")


main(*sys.argv[1:])
