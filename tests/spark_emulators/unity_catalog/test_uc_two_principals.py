"""pyiceberg, unmodified, as two principals of a server process: one writes, one may only read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import httpx
import pyarrow as pa
import pytest
from catalog_callers import Caller, admin_token, authorized
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import ForbiddenError, NoSuchTableError, OAuthError, UnauthorizedError

ROWS = pa.table({"id": pa.array([1, 2, 3], pa.int64())})


@pytest.fixture
def config(config: dict[str, Any]) -> dict[str, Any]:
    return authorized(config)


@pytest.fixture
def server(start_server: Callable[[], Any]) -> Any:
    return start_server()


@pytest.fixture
def admin(server: Any, config: dict[str, Any]) -> Iterator[Caller]:
    with httpx.Client() as client:
        yield Caller(client, admin_token(config), server.url)


def opened(server: Any, **who: str) -> Any:
    client = RestCatalog(
        "unity",
        uri=server.iceberg_uri,
        warehouse="unity",
        **{"oauth2-server-uri": f"{server.url}/oidc/v1/token", **who},
    )
    return closing(client)


def test_a_reader_reads_and_cannot_write(server: Any, admin: Caller) -> None:
    secrets = {name: admin.service_principal(name) for name in ("writer", "reader")}
    admin.grant("catalog", "unity", "writer", "USE CATALOG", "CREATE SCHEMA")
    admin.grant("catalog", "unity", "reader", "USE CATALOG")
    form = {
        "grant_type": "client_credentials",
        "client_id": "writer",
        "client_secret": secrets["writer"],
    }
    token = admin("POST", "/oidc/v1/token", data=form).json()["access_token"]
    as_writer = Caller(admin.http, token, server.url)
    with (
        opened(server, token=token) as writer,
        opened(server, credential=f"reader:{secrets['reader']}") as reader,
    ):
        writer.create_namespace("s")
        table = writer.create_table("s.t", schema=ROWS.schema)
        table.append(ROWS)
        assert reader.list_namespaces() == []
        with pytest.raises(ForbiddenError, match="SELECT on table t"):
            reader.load_table("s.t")
        as_writer.grant("schema", "unity.s", "reader", "USE SCHEMA")
        as_writer.grant("table", "unity.s.t", "reader", "SELECT")
        seen = reader.load_table("s.t")
        assert seen.scan().to_arrow().num_rows == 3
        with pytest.raises(ForbiddenError, match="MODIFY on table t"):
            seen.append(ROWS)
        with pytest.raises(ForbiddenError):
            reader.create_table("s.u", schema=ROWS.schema)
        with pytest.raises(ForbiddenError):
            reader.drop_table("s.t")
        with pytest.raises(NoSuchTableError):
            reader.load_table("s.nothing")
        table.append(ROWS)
        assert reader.load_table("s.t").scan().to_arrow().num_rows == 6


def test_who_is_nobody_gets_nowhere(server: Any) -> None:
    with pytest.raises(UnauthorizedError), opened(server, token="none"):
        raise AssertionError("it was let in")
    with pytest.raises(OAuthError, match="invalid_client"), opened(server, credential="a:b"):
        raise AssertionError("it was let in")
