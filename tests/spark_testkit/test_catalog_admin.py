"""Principals and grants, as the toolkit hands them to tests of a catalog that asks who one is."""

import json
import secrets

import httpx
import pytest
from emulator_servers import Server

from spark_platform.kernel.database import sqlite_url
from spark_platform.kernel.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    Unauthenticated,
)
from spark_testkit.catalog_admin import CatalogAdmin

TOKEN = secrets.token_urlsafe(30)
UC = "/api/2.1/unity-catalog"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guarded")
    config = {
        "port": 0,
        "database": sqlite_url(folder / "uc.sqlite"),
        "catalogs": [{"name": "unity", "storage_root": f"file://{folder}/warehouse"}],
        "authorization": {"admin_token": TOKEN},
    }
    (folder / "uc.json").write_text(json.dumps(config))
    server = Server("spark_emulators.unity_catalog", folder / "uc.json")
    yield server
    server.stop()


@pytest.fixture
def admin(server):
    return CatalogAdmin(server.url, TOKEN)


@pytest.fixture
def name():
    return f"p{secrets.token_hex(4)}"


def get(server, token, path):
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.get(f"{server.url}{UC}{path}", headers=headers, trust_env=False)


def test_a_principal_may_what_it_is_granted(server, admin, name):
    token = admin.service_principal(name)
    admin.create_schema("unity.s")
    admin.create_schema("unity.s")
    assert get(server, token, "/schemas/unity.s").status_code == 403
    admin.grant("unity", name, "USE CATALOG")
    admin.grant("unity.s", name, "USE SCHEMA", "CREATE TABLE")
    assert get(server, token, "/schemas/unity.s").status_code == 200


def test_a_principal_that_is_there_gets_another_token(server, admin, name):
    tokens = [admin.service_principal(name) for _ in range(2)]
    admin.grant("unity", name, "USE CATALOG")
    assert {get(server, token, "/catalogs/unity").status_code for token in tokens} == {200}


def test_volumes_are_named_as_what_they_are(server, admin, name):
    admin.service_principal(name)
    with pytest.raises(NotFound):
        admin.grant("unity.s.none", name, "READ VOLUME", kind="volume")


def test_what_is_wrong_is_said(server, admin, name):
    admin.service_principal(name)
    with pytest.raises(InvalidInput, match="READ MINDS"):
        admin.grant("unity", name, "READ MINDS")
    with pytest.raises(InvalidInput, match="4 parts"):
        admin.grant("unity.s.t.c", name, "SELECT")
    with pytest.raises(NotFound, match="nobody"):
        admin.grant("unity", "nobody", "USE CATALOG")
    with pytest.raises(NotFound, match="nowhere"):
        admin.create_schema("nowhere.s")
    with pytest.raises(Conflict, match="admin"):
        admin.service_principal("admin")


def test_only_the_owner_says_who_there_is(server, admin, name):
    token = admin.service_principal(name)
    with pytest.raises(Forbidden):
        CatalogAdmin(server.url, token).service_principal("another")
    for nobody in ("", "nonsense"):
        with pytest.raises(Unauthenticated):
            CatalogAdmin(server.url, nobody).create_schema("unity.s")
