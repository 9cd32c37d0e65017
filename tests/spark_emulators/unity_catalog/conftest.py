"""One Unity Catalog per test, in process behind a test client; or a real one in its own process."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from database_fixtures import database, postgresql  # noqa: F401
from emulator_servers import Server
from seeded_catalogs import Seeded
from starlette.applications import Starlette

from spark_emulators.unity_catalog.app import create_app
from spark_emulators.unity_catalog.paths import DELTA, MOUNTS, UNITY_CATALOG
from spark_emulators.unity_catalog.settings import Settings
from spark_emulators.unity_catalog.store.database import open_database
from spark_platform.kernel.database import sqlite_url

CATALOG = f"{MOUNTS[0]}/v1/catalogs/unity"

SCHEMA: dict[str, Any] = {
    "type": "struct",
    "schema-id": 0,
    "fields": [
        {"id": 1, "name": "id", "required": True, "type": "long"},
        {"id": 2, "name": "name", "required": False, "type": "string"},
    ],
}


def settings_below(folder: Path) -> dict[str, Any]:
    return {
        "port": 0,
        "database": sqlite_url(folder / "uc" / "uc.sqlite"),
        "catalogs": [
            {"name": "unity", "storage_root": f"file://{folder}/warehouse"},
            {"name": "other", "storage_root": f"file://{folder}/other"},
        ],
        "client_properties": {"client.region": "us-east-1"},
    }


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    """The settings file's content for a server with all it has below the test's own folder."""
    return settings_below(tmp_path)


class Http:
    """A client of the in-process server; paths are relative to what its fixture says."""

    def __init__(self, portal: BlockingPortal, client: httpx.AsyncClient) -> None:
        self._portal = portal
        self._client = client

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self._portal.call(partial(self._client.request, method, path, **options))

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def head(self, path: str) -> httpx.Response:
        return self.request("HEAD", path)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        return self.request("DELETE", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)

    def patch(self, path: str, **options: Any) -> httpx.Response:
        return self.request("PATCH", path, **options)

    def put(self, path: str, **options: Any) -> httpx.Response:
        return self.request("PUT", path, **options)


@pytest.fixture
def app(config: dict[str, Any]) -> Starlette:
    return create_app(Settings.model_validate(config))


@contextmanager
def clients(app: Starlette, *paths: str) -> Iterator[list[Http]]:
    """Clients of one in-process server, relative to each of the paths."""
    transport = httpx.ASGITransport(app)
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(app.router.lifespan_context(app)),
        ExitStack() as stack,
    ):
        made = []
        for path in paths:
            client = httpx.AsyncClient(transport=transport, base_url=f"http://testserver{path}/")
            stack.enter_context(portal.wrap_async_context_manager(client))
            made.append(Http(portal, client))
        yield made


@pytest.fixture
def apis(app: Starlette) -> Iterator[list[Http]]:
    """The in-process server: Iceberg's API of the catalog ``unity``, Unity Catalog's, Delta's."""
    with clients(app, CATALOG, UNITY_CATALOG, DELTA) as made:
        yield made


@pytest.fixture
def http(apis: list[Http]) -> Http:
    """The in-process server; paths are relative to the Iceberg API of the catalog ``unity``."""
    return apis[0]


@pytest.fixture
def uc(apis: list[Http]) -> Http:
    """The in-process server; paths are relative to Unity Catalog's own API."""
    return apis[1]


@pytest.fixture
def delta(apis: list[Http]) -> Http:
    """The in-process server; paths are relative to Delta's API."""
    return apis[2]


@pytest.fixture
def seeded(http: Http, config: dict[str, Any], tmp_path: Path) -> Iterator[Seeded]:
    """The in-process server with something of each kind in it."""
    engine = open_database(config["database"])
    yield Seeded(http, engine, tmp_path)
    engine.dispose()


class Tables:
    """Makes schemas and tables over HTTP, as far as a test does not care how."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def schema(self, name: str = "s") -> str:
        answer = self._http.post("namespaces", json={"namespace": [name]})
        assert answer.status_code in (200, 409), answer.text
        return name

    def table(self, name: str = "t", namespace: str = "s", **body: Any) -> dict[str, Any]:
        self.schema(namespace)
        answer = self._http.post(
            f"namespaces/{namespace}/tables", json={"name": name, "schema": SCHEMA, **body}
        )
        assert answer.status_code == 200, answer.text
        created: dict[str, Any] = answer.json()
        return created


@pytest.fixture
def make(http: Http) -> Tables:
    return Tables(http)


class CatalogServer(Server):
    """A server process."""

    def __init__(self, config_file: Path) -> None:
        super().__init__("spark_emulators.unity_catalog", config_file)
        self.iceberg_uri = self.url + MOUNTS[0]


@pytest.fixture
def start_server(tmp_path: Path, config: dict[str, Any]) -> Iterator[Callable[[], CatalogServer]]:
    """Starts servers on the test's one database and warehouse, and stops them all."""
    servers: list[CatalogServer] = []
    config_file = tmp_path / "uc.json"
    config_file.write_text(json.dumps(config))

    def start() -> CatalogServer:
        servers.append(CatalogServer(config_file))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CatalogServer]:
    """A server process for tests that leave it running; each uses a schema of its own."""
    folder = tmp_path_factory.mktemp("uc")
    config_file = folder / "uc.json"
    config_file.write_text(json.dumps(settings_below(folder)))
    server = CatalogServer(config_file)
    yield server
    server.stop()


@pytest.fixture
def schema_name() -> str:
    """A name no other test uses."""
    return f"s{uuid.uuid4().hex[:8]}"
