"""A catalog that fails on demand, as its clients see it; and one that is as it was."""

import json

import pytest
from emulator_servers import Server
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError, ServerError
from pyiceberg.schema import Schema

from spark_platform.kernel.database import sqlite_url
from spark_platform.kernel.errors import InvalidInput, Missing, NotFound
from spark_testkit.catalog import CatalogControl
from spark_testkit.ports import free_ports


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("catalog")
    config = {
        "port": 0,
        "database": sqlite_url(folder / "uc.sqlite"),
        "catalogs": [{"name": "unity", "storage_root": f"file://{folder}/warehouse"}],
    }
    (folder / "uc.json").write_text(json.dumps(config))
    server = Server("spark_emulators.unity_catalog", folder / "uc.json")
    yield server
    server.stop()


@pytest.fixture
def control(server):
    control = CatalogControl(server.url)
    yield control
    control.clear()


@pytest.fixture
def catalog(server, control):
    uri = f"{server.url}/api/2.1/unity-catalog/iceberg"
    empty = control.snapshot()
    catalog = RestCatalog("unity", uri=uri, warehouse="unity")
    catalog.create_namespace("s")
    yield catalog
    control.restore(empty)
    control.forget(empty)


def test_a_conflict_is_one_to_its_clients(control, catalog):
    table = catalog.create_table("s.t", Schema())
    with control.conflicts(times=1) as conflict:
        with pytest.raises(CommitFailedException), table.transaction() as transaction:
            transaction.set_properties(k="v")
        assert conflict.hits() == 1
        table.refresh()
        with table.transaction() as transaction:
            transaction.set_properties(k="v")
    assert catalog.load_table("s.t").properties == {"k": "v"}


def test_errors_and_delays_end_with_their_block(control, catalog):
    with control.errors("*/namespaces"), pytest.raises(ServerError):
        catalog.list_namespaces()
    with control.slow(0.01) as slow:
        assert catalog.list_namespaces() == [("s",)]
    with pytest.raises(NotFound):
        slow.hits()


def test_a_catalog_is_as_it_was(control, catalog):
    catalog.create_table("s.kept", Schema())
    seeded = control.snapshot()
    catalog.drop_table("s.kept")
    catalog.create_table("s.new", Schema())
    control.restore(seeded)
    assert catalog.load_table("s.kept")
    with pytest.raises(NoSuchTableError):
        catalog.load_table("s.new")
    with pytest.raises(NotFound):
        control.restore("none")


def test_what_cannot_be_is_said(control):
    with pytest.raises(InvalidInput, match="effect"):
        control.fault("explode")
    [port] = free_ports(1)
    with pytest.raises(Missing, match="does not answer"):
        CatalogControl(f"http://127.0.0.1:{port}").rules()
