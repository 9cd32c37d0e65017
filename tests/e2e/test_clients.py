"""Stock clients, each in an environment of its own, with nothing but the stack's variables."""

import dataclasses
import os
import subprocess
import sys

import pytest
from clients import CLIENTS, SHOW_CATALOGS, python_with
from stacks import cli

from spark_testkit.settings import Settings

BOTO3 = "import boto3; print([b['Name'] for b in boto3.client('s3').list_buckets()['Buckets']])"
PYICEBERG = """
import os, pyarrow
from pyiceberg.catalog import load_catalog
catalog = load_catalog("unity", type="rest", uri=os.environ["ICEBERG_REST_URI"], warehouse="unity")
catalog.create_namespace("clients")
table = catalog.create_table("clients.t", schema=pyarrow.schema([("id", pyarrow.int64())]))
table.append(pyarrow.table({"id": [1, 2, 3]}))
print("rows", catalog.load_table("clients.t").scan().to_arrow().num_rows)
"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    state = tmp_path_factory.mktemp("state")
    settings = dataclasses.replace(Settings.from_env(os.environ), state_dir=state)
    result = cli("up", "--name", "clients", settings=settings)
    assert result.returncode == 0, result.stderr
    yield settings
    cli("down", "--name", "clients", settings=settings)


@pytest.fixture(scope="module", params=["pyspark 4.1", "pyspark-client 4.1"])
def client_python(request, tmp_path_factory):
    return python_with(tmp_path_factory.mktemp("venv"), *CLIENTS[request.param])


def in_the_stacks_shell(settings, command):
    """Run ``command`` as the README says: eval "$(spark-testkit env)" first."""
    testkit = f"{sys.executable} -m spark_testkit.cli"
    script = f'set -e; eval "$({testkit} env --name clients)"; {command}'
    environment = {
        key: value
        for key, value in {**os.environ, **settings.as_env()}.items()
        if not key.startswith(("AWS_", "SPARK_REMOTE"))
    }
    result = subprocess.run(
        ["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=600
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout


def test_a_stock_spark_client_works(settings, client_python):
    shown = in_the_stacks_shell(settings, f'{client_python} -c "{SHOW_CATALOGS}"')
    assert "|spark_catalog|" in shown
    assert "rows 5" in shown


def test_boto3_works(settings):
    assert "['unity']" in in_the_stacks_shell(settings, f'{sys.executable} -c "{BOTO3}"')


def test_pyiceberg_works_and_spark_sees_its_rows(settings):
    assert "rows 3" in in_the_stacks_shell(settings, f"{sys.executable} -c '{PYICEBERG}'")
    result = cli(
        *("sql", "SELECT sum(id) AS total FROM unity.clients.t", "--name", "clients", "-o", "json"),
        settings=settings,
    )
    assert '"total": 6' in result.stdout


def test_the_history_server_lists_the_connect_application(settings):
    listed = in_the_stacks_shell(settings, 'curl -s "$SPARK_HISTORY_URL/api/v1/applications"')
    assert '"name" : "spark-connect"' in listed


def test_a_client_without_the_token_is_refused(settings):
    code = (
        "import os; from pyspark.sql import SparkSession; "
        "SparkSession.builder.remote(os.environ['SPARK_REMOTE'].split(';')[0] + ';token=wrong')"
        ".create().range(1).count()"
    )
    script = f'{sys.executable} -c "{code}" 2>&1 || true'
    assert "UNAUTHENTICATED" in in_the_stacks_shell(settings, script)
