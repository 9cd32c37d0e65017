"""A stack whose catalog asks who one is: Spark as its admin, and as somebody who may only read."""

import contextlib
import dataclasses
import os
import urllib.parse

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError
from pyiceberg.catalog import load_catalog
from pyspark.errors import PySparkException
from stacks import cli

from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.catalog_admin import CatalogAdmin
from spark_testkit.connect import end_session, open_session
from spark_testkit.service import ServiceRequest
from spark_testkit.services import guarded
from spark_testkit.settings import Settings
from spark_testkit.stack import Stack

STACK = "guarded"
ORDERS, COPY = "unity.sales.orders", "unity.sales.copy"
LOAD = "/v1/catalogs/unity/namespaces/sales/tables/orders"


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guarded") / "state"
    return dataclasses.replace(Settings.from_env(os.environ), state_dir=folder)


@pytest.fixture(scope="module")
def stack(settings):
    with Stack(STACK, settings=settings) as stack:
        stack.up(*guarded([ServiceRequest.of("spark-connect", lineage=True)]))
        with session_of(stack) as spark:
            spark.sql("create schema unity.sales").collect()
            spark.sql(f"create table {ORDERS} as select id, id * 2 amount from range(5)").collect()
        yield stack


@pytest.fixture(scope="module")
def reader(stack):
    """The token of somebody who may read the orders."""
    env = stack.env()
    admin = CatalogAdmin(env["UNITY_CATALOG_URI"], env["UNITY_CATALOG_TOKEN"])
    token = admin.service_principal("reader")
    admin.grant("unity", "reader", "USE CATALOG")
    admin.grant("unity.sales", "reader", "USE SCHEMA")
    admin.grant(ORDERS, "reader", "SELECT")
    return token


@contextlib.contextmanager
def session_of(stack, token=None):
    spark = open_session(stack.env()["SPARK_REMOTE"])
    try:
        if token:
            spark.conf.set("spark.sql.catalog.unity.token", token)
        yield spark
    finally:
        end_session(spark)


def test_nobody_is_let_in_without_a_token(stack):
    answer = httpx.get(stack.env()["ICEBERG_REST_URI"] + LOAD, trust_env=False)
    assert answer.status_code == 401


def test_the_stacks_variables_are_enough_for_pyiceberg(stack):
    env = stack.env()
    catalog = load_catalog(
        "unity",
        type="rest",
        uri=env["ICEBERG_REST_URI"],
        warehouse="unity",
        token=env["UNITY_CATALOG_TOKEN"],
    )
    assert catalog.load_table("sales.orders").scan().to_arrow().num_rows == 5


def test_who_may_read_reads_through_spark(stack, reader):
    with session_of(stack, reader) as spark:
        assert spark.table(ORDERS).count() == 5


def test_the_store_itself_refuses_what_who_may_read_would_write(stack, reader):
    with session_of(stack, reader) as spark, pytest.raises(PySparkException) as refused:
        spark.sql(f"insert into {ORDERS} values (9, 9)").collect()
    # Iceberg's S3FileIO, with the credentials that came with the table
    assert "s3.model.AccessDeniedException" in str(refused.value)
    assert "Status Code: 403" in str(refused.value)
    with session_of(stack) as spark:
        assert spark.table(ORDERS).count() == 5


def test_the_vended_keys_open_one_prefix_for_reading(stack, reader):
    env = stack.env()
    headers = {"Authorization": f"Bearer {reader}"}
    loaded = httpx.get(env["ICEBERG_REST_URI"] + LOAD, headers=headers, trust_env=False).json()
    keys, location = loaded["config"], urllib.parse.urlparse(loaded["metadata"]["location"])
    store = boto3.client(
        "s3",
        endpoint_url=env["AWS_ENDPOINT_URL_S3"],
        region_name=env["AWS_REGION"],
        aws_access_key_id=keys["s3.access-key-id"],
        aws_secret_access_key=keys["s3.secret-access-key"],
        aws_session_token=keys["s3.session-token"],
    )
    folder = location.path.strip("/")
    assert store.list_objects_v2(Bucket=location.netloc, Prefix=f"{folder}/")["KeyCount"] > 0
    for prefix in (folder, "sales/other"):
        with pytest.raises(ClientError, match="AccessDenied"):
            store.put_object(Bucket=location.netloc, Key=f"{prefix}/file", Body=b"x")
    store.close()


@pytest.mark.parametrize(
    ("statement", "lack"),
    [
        ("create table unity.sales.mine (a int)", "CREATE TABLE"),
        (f"alter table {ORDERS} add column more int", "MODIFY"),
        (f"drop table {ORDERS}", "ownership"),
        ("create schema unity.mine", "CREATE SCHEMA"),
    ],
)
def test_the_catalog_refuses_the_rest_and_says_what_it_takes(stack, reader, statement, lack):
    with session_of(stack, reader) as spark, pytest.raises(PySparkException, match=lack):
        spark.sql(statement).collect()


def test_lineage_is_told_and_asked_for_with_the_token(stack, settings, reader):
    env = stack.env()
    with session_of(stack) as spark:
        spark.sql(f"create table {COPY} as select id from {ORDERS}").collect()

    def told():
        drawn = cli("lineage", COPY, "--name", STACK, settings=settings)
        if ORDERS not in drawn.stdout:
            raise NotYet(drawn.stdout + drawn.stderr)

    poll(told, what="lineage to arrive", timeout_s=60)
    tracking = f"{env['UNITY_CATALOG_URI']}/api/2.0/lineage-tracking/table-lineage"
    headers, asked = {"Authorization": f"Bearer {reader}"}, {"table_name": COPY}
    answer = httpx.get(tracking, params=asked, headers=headers, trust_env=False)
    assert answer.status_code == 404


def test_the_token_is_in_no_log_and_no_session(stack, reader):
    token = stack.env()["UNITY_CATALOG_TOKEN"]
    with session_of(stack, reader) as spark:
        shown = spark.sql("SET").collect()
    assert not [row for row in shown if token in row.value or reader in row.value]
    for status in stack.status():
        text = stack.log_file(status.name).read_text(errors="replace")
        assert token not in text
        assert reader not in text
