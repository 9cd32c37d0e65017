"""DuckDB on a stack, beside its Spark: run with a table of Spark's and the stack's environment."""

import os
import sys

from duckdb_extended import duckdb_with

TABLE, STACK = sys.argv[1], os.environ

connection = duckdb_with("httpfs", "avro", "iceberg")
connection.execute(
    f"CREATE SECRET store (TYPE s3, KEY_ID '{STACK['AWS_ACCESS_KEY_ID']}', "
    f"SECRET '{STACK['AWS_SECRET_ACCESS_KEY']}', REGION '{STACK['AWS_REGION']}', "
    f"ENDPOINT '{STACK['AWS_ENDPOINT_URL_S3'].removeprefix('http://')}', "
    "URL_STYLE 'path', USE_SSL false)"
)
connection.execute(
    f"ATTACH 'unity' AS unity (TYPE iceberg, ENDPOINT '{STACK['ICEBERG_REST_URI']}', "
    "AUTHORIZATION_TYPE 'none', ACCESS_DELEGATION_MODE 'none')"
)
there = connection.execute(f"SELECT id, part FROM {TABLE} ORDER BY id").fetchall()
assert there == [(0, 0), (2, 2), (3, 0)], there
connection.execute(f"INSERT INTO {TABLE} VALUES (4, 1), (5, 2)")
connection.execute(f"DELETE FROM {TABLE} WHERE id = 0")
