"""DuckDB's Unity Catalog extension on a Delta table that Polars has made. Run with URL and folder.

It lists, reads and adds rows; making and dropping tables it has not.
"""

import sys

import polars as pl
from duckdb_extended import duckdb_with

URL, FOLDER = sys.argv[1:]
ROWS = pl.DataFrame({"id": [1, 2, 3], "name": ["a", None, "c"]})

polars = pl.Catalog(URL, bearer_token="none", require_https=False)
polars.create_catalog("delta", storage_root=f"{FOLDER}/delta")
polars.create_namespace("delta", "s")
polars.create_table(
    "delta",
    "s",
    "t",
    schema=ROWS.schema,
    table_type="EXTERNAL",
    data_source_format="DELTA",
    storage_root=f"{FOLDER}/duckdb-delta",
)
polars.write_table(ROWS, "delta", "s", "t", delta_mode="overwrite")

connection = duckdb_with("httpfs", "delta", "unity_catalog")
connection.execute(f"CREATE SECRET uc (TYPE unity_catalog, TOKEN 'none', ENDPOINT '{URL}')")
connection.execute("ATTACH 'delta' AS uc (TYPE unity_catalog, SECRET uc)")
there = connection.execute("SELECT * FROM uc.s.t ORDER BY id").fetchall()
assert there == [(1, "a"), (2, None), (3, "c")], there
# after a read: where it is the first thing asked, the extension sometimes shows no table, though it
# has been answered the same
seen = connection.execute("SELECT schema, name, column_names FROM (SHOW ALL TABLES)").fetchall()
assert ("s", "t", ["id", "name"]) in seen, seen
connection.execute("INSERT INTO uc.s.t VALUES (4, 'd')")
assert connection.execute("SELECT max(id) FROM uc.s.t").fetchall() == [(4,)]
assert polars.scan_table("delta", "s", "t").collect().height == 4
polars.delete_catalog("delta", force=True)
