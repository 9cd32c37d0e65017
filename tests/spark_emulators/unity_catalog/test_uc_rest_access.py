"""Authorization on: Unity Catalog's own API, by what callers have; and whose places are whose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from catalog_callers import UC, Caller, admin_of, authorized, with_secret
from test_uc_rest import COLUMN, FUNCTION, IN_SCHEMA

ICEBERG = {"type": "struct", "fields": [{"id": 1, "name": "a", "required": False, "type": "int"}]}
FORBIDDEN = (403, "PERMISSION_DENIED")


@pytest.fixture
def config(config: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    return {**authorized(config), "storage_root": f"file://{tmp_path}/root"}


@pytest.fixture
def admin(http: Any, config: dict[str, Any]) -> Caller:
    return admin_of(http, config)


@pytest.fixture
def ann(http: Any, admin: Caller) -> Caller:
    secret = admin.service_principal("ann")
    return Caller(http, with_secret(http, "ann", secret).json()["access_token"])


@pytest.fixture
def bob(http: Any, admin: Caller) -> Caller:
    secret = admin.service_principal("bob")
    return Caller(http, with_secret(http, "bob", secret).json()["access_token"])


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("error_code", "")


def made(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


# what is made where, the body of making it, its list's key, and the privilege that sees it
OBJECTS = {
    "catalogs": ({"name": "c"}, "c", None),
    "schemas": ({"name": "x", "catalog_name": "unity"}, "unity.x", "USE SCHEMA"),
    "tables": (
        {
            **IN_SCHEMA,
            "name": "v",
            "table_type": "VIEW",
            "columns": [COLUMN],
            "view_definition": "SELECT 1",
        },
        "unity.s.v",
        "SELECT",
    ),
    "volumes": ({**IN_SCHEMA, "name": "v", "volume_type": "MANAGED"}, "unity.s.v", "READ VOLUME"),
    "functions": (
        {"function_info": {**IN_SCHEMA, "name": "f", **FUNCTION}},
        "unity.s.f",
        "EXECUTE",
    ),
    "models": ({**IN_SCHEMA, "name": "m"}, "unity.s.m", "EXECUTE"),
    "credentials": (
        {"name": "cred", "purpose": "STORAGE", "aws_iam_role": {"role_arn": "arn:x"}},
        "cred",
        "CREATE EXTERNAL LOCATION",
    ),
}
TYPES = {
    "schemas": "schema",
    "tables": "table",
    "volumes": "volume",
    "functions": "function",
    "models": "registered_model",
    "credentials": "credential",
}


@pytest.fixture
def schema(admin: Caller) -> None:
    made(admin("POST", f"{UC}/schemas", json={"name": "s", "catalog_name": "unity"}))


@pytest.mark.usefixtures("schema")
@pytest.mark.parametrize("path", OBJECTS)
def test_who_has_nothing_makes_sees_changes_and_deletes_nothing(
    admin: Caller, ann: Caller, path: str
) -> None:
    body, full_name, _ = OBJECTS[path]
    assert code(ann("POST", f"{UC}/{path}", json=body)) == FORBIDDEN
    made(admin("POST", f"{UC}/{path}", json=body))
    one = f"{UC}/{path}/{full_name}"
    listed = made(ann("GET", f"{UC}/{path}", params=IN_SCHEMA))
    assert [value for value in listed.values() if value] == []
    assert code(ann("GET", one)) == FORBIDDEN
    assert code(ann("PATCH", one, json={"owner": "ann"})) == FORBIDDEN
    assert code(ann("DELETE", one)) == FORBIDDEN
    made(admin("DELETE", one))


@pytest.mark.usefixtures("schema")
@pytest.mark.parametrize("path", TYPES)
def test_a_grant_shows_it_and_it_alone(admin: Caller, ann: Caller, path: str) -> None:
    body, full_name, privilege = OBJECTS[path]
    assert privilege is not None
    made(admin("POST", f"{UC}/{path}", json=body))
    admin.grant("catalog", "unity", "ann", "USE CATALOG")
    if path not in ("schemas", "credentials"):
        admin.grant("schema", "unity.s", "ann", "USE SCHEMA")
    admin.grant(TYPES[path], full_name, "ann", privilege)
    made(ann("GET", f"{UC}/{path}/{full_name}"))
    [shown] = made(ann("GET", f"{UC}/{path}", params=IN_SCHEMA)).values()
    assert len(shown) == 1
    assert code(ann("PATCH", f"{UC}/{path}/{full_name}", json={"owner": "ann"})) == FORBIDDEN
    assert code(ann("DELETE", f"{UC}/{path}/{full_name}")) == FORBIDDEN


@pytest.mark.usefixtures("schema")
def test_models_without_a_schema_are_listed_by_what_may_be_seen(admin: Caller, ann: Caller) -> None:
    for name in ("m", "n"):
        made(admin("POST", f"{UC}/models", json={**IN_SCHEMA, "name": name}))
    admin.grant("catalog", "unity", "ann", "USE CATALOG", "USE SCHEMA")
    admin.grant("registered_model", "unity.s.n", "ann", "EXECUTE")
    listed = made(ann("GET", f"{UC}/models"))["registered_models"]
    assert [model["name"] for model in listed] == ["n"]
    version = {**IN_SCHEMA, "model_name": "n", "source": "s3://x/y"}
    assert code(ann("POST", f"{UC}/models/versions", json=version)) == FORBIDDEN
    made(admin("POST", f"{UC}/models/versions", json=version))
    made(ann("GET", f"{UC}/models/unity.s.n/versions/1"))
    for method, path, body in (
        ("PATCH", "versions/1", {"comment": "x"}),
        ("PATCH", "versions/1/finalize", {"full_name": "unity.s.n", "version": 1}),
        ("DELETE", "versions/1", None),
        ("PUT", "aliases/a", {"alias_name": "a", "version_num": 1}),
    ):
        assert code(ann(method, f"{UC}/models/unity.s.n/{path}", json=body)) == FORBIDDEN


@pytest.mark.usefixtures("schema")
def test_using_a_schema_is_not_enough_to_give_it_away(admin: Caller, ann: Caller) -> None:
    admin.grant("catalog", "unity", "ann", "USE CATALOG", "USE SCHEMA")
    made(ann("PATCH", f"{UC}/schemas/unity.s", json={"comment": "hers"}))
    assert code(ann("PATCH", f"{UC}/schemas/unity.s", json={"owner": "ann"})) == FORBIDDEN
    made(admin("PATCH", f"{UC}/schemas/unity.s", json={"owner": "ann"}))
    made(ann("DELETE", f"{UC}/schemas/unity.s"))


class TestPlaces:
    """A location that a caller names is theirs to use, or is refused."""

    @pytest.fixture(autouse=True)
    def location(
        self, admin: Caller, ann: Caller, bob: Caller, schema: None, tmp_path: Path
    ) -> str:
        """The URL of an external location; ann and bob may make tables in ``unity.s``."""
        for name in ("ann", "bob"):
            admin.grant("catalog", "unity", name, "USE CATALOG", "USE SCHEMA", "CREATE TABLE")
        body = OBJECTS["credentials"][0]
        made(admin("POST", f"{UC}/credentials", json=body))
        url = f"file://{tmp_path}/warehouse/ext"
        location = {"name": "ext", "url": url, "credential_name": "cred"}
        made(admin("POST", f"{UC}/external-locations", json=location))
        return url

    def iceberg(self, caller: Caller, name: str, **body: Any) -> httpx.Response:
        return caller("POST", "namespaces/s/tables", json={"name": name, "schema": ICEBERG, **body})

    def test_external_tables_need_the_location(
        self, admin: Caller, ann: Caller, location: str
    ) -> None:
        table = {
            **IN_SCHEMA,
            "name": "t",
            "table_type": "EXTERNAL",
            "columns": [COLUMN],
            "data_source_format": "CSV",
            "storage_location": f"{location}/t",
        }
        assert code(ann("POST", f"{UC}/tables", json=table)) == FORBIDDEN
        for stage in (True, False):
            refused = self.iceberg(ann, "i", location=f"{location}/i", **{"stage-create": stage})
            assert refused.status_code == 403
        admin.grant("external_location", "ext", "ann", "CREATE EXTERNAL TABLE")
        made(ann("POST", f"{UC}/tables", json=table))
        assert self.iceberg(ann, "i", location=f"{location}/i").status_code == 200

    def test_nobodys_place_is_the_metastores_owners(
        self, admin: Caller, ann: Caller, tmp_path: Path
    ) -> None:
        elsewhere = f"file://{tmp_path}/warehouse/elsewhere"
        assert self.iceberg(ann, "i", location=elsewhere).status_code == 403
        assert self.iceberg(admin, "i", location=elsewhere).status_code == 200

    def test_nobody_places_a_table_on_anothers(
        self, admin: Caller, ann: Caller, bob: Caller, location: str
    ) -> None:
        for name in ("ann", "bob"):
            admin.grant("external_location", "ext", name, "CREATE EXTERNAL TABLE")
        bobs = self.iceberg(bob, "b", location=f"{location}/b/table").json()
        for taken in (f"{location}/b/table", f"{location}/b/table/data", f"{location}/b", location):
            assert self.iceberg(ann, "a", location=taken).status_code == 403, taken
        register = {"name": "a", "metadata-location": bobs["metadata-location"]}
        assert ann("POST", "namespaces/s/register", json=register).status_code == 403
        assert self.iceberg(ann, "a").status_code == 200
        for update in (
            {"action": "set-location", "location": f"{location}/b/table"},
            {
                "action": "set-properties",
                "updates": {"write.data.path": f"{location}/b/table/data"},
            },
        ):
            commit = {"requirements": [], "updates": [update]}
            answer = ann("POST", "namespaces/s/tables/a", json=commit)
            assert answer.status_code == 403, update

    def test_a_managed_place_is_not_taken_by_its_name(
        self, admin: Caller, ann: Caller, bob: Caller
    ) -> None:
        bobs = self.iceberg(bob, "b").json()["metadata"]["location"]
        rename = {
            "source": {"namespace": ["s"], "name": "b"},
            "destination": {"namespace": ["s"], "name": "c"},
        }
        assert bob("POST", "tables/rename", json=rename).status_code == 204
        updates = [
            {"action": "assign-uuid", "uuid": "9c12d441-03fe-4693-9a96-a0705ddf69c1"},
            {"action": "upgrade-format-version", "format-version": 2},
            {"action": "add-schema", "schema": ICEBERG},
            {"action": "set-current-schema", "schema-id": -1},
            {"action": "add-spec", "spec": {"spec-id": 0, "fields": []}},
            {"action": "set-default-spec", "spec-id": -1},
            {"action": "add-sort-order", "sort-order": {"order-id": 0, "fields": []}},
            {"action": "set-default-sort-order", "sort-order-id": -1},
            {"action": "set-location", "location": bobs},
        ]
        commit = {"requirements": [{"type": "assert-create"}], "updates": updates}
        assert ann("POST", "namespaces/s/tables/b", json=commit).status_code == 403
        updates[-1]["location"] = bobs[:-12] + "0" * 12
        assert ann("POST", "namespaces/s/tables/b", json=commit).status_code == 200

    def test_a_purge_takes_nothing_that_is_elsewhere(
        self, admin: Caller, ann: Caller, bob: Caller
    ) -> None:
        bobs = self.iceberg(bob, "b").json()
        anns = self.iceberg(ann, "a").json()
        statistics = {
            "snapshot-id": 1,
            "statistics-path": bobs["metadata-location"],
            "file-size-in-bytes": 1,
            "file-footer-size-in-bytes": 1,
            "blob-metadata": [],
        }
        named = {
            "requirements": [],
            "updates": [
                {"action": "set-statistics", "snapshot-id": 1, "statistics": statistics},
            ],
        }
        assert ann("POST", "namespaces/s/tables/a", json=named).status_code == 200
        query = {"purgeRequested": "true"}
        assert ann("DELETE", "namespaces/s/tables/a", params=query).status_code == 204
        assert Path(bobs["metadata-location"].removeprefix("file://")).exists()
        assert not Path(anns["metadata-location"].removeprefix("file://")).exists()

    def test_a_schemas_storage_is_placed_like_that_of_catalogs(
        self, admin: Caller, ann: Caller, location: str
    ) -> None:
        properties = {"location": f"{location}/s2"}
        body = {"namespace": ["s2"], "properties": properties}
        admin.grant("catalog", "unity", "ann", "CREATE SCHEMA")
        assert ann("POST", "namespaces", json=body).status_code == 403
        changed = ann("POST", "namespaces/s/properties", json={"updates": properties})
        assert changed.status_code == 403
        admin.grant("external_location", "ext", "ann", "CREATE MANAGED STORAGE")
        assert ann("POST", "namespaces", json=body).status_code == 200


@pytest.mark.usefixtures("schema")
def test_credentials_are_for_who_may_read_or_write(admin: Caller, ann: Caller) -> None:
    table = admin("POST", "namespaces/s/tables", json={"name": "t", "schema": ICEBERG}).json()
    id = made(admin("GET", f"{UC}/tables/unity.s.t"))["table_id"]

    def asked(operation: str) -> tuple[int, str]:
        body = {"table_id": id, "operation": operation}
        return code(ann("POST", f"{UC}/temporary-table-credentials", json=body))

    def asked_by_path(operation: str) -> tuple[int, str]:
        body = {"url": table["metadata"]["location"], "operation": operation}
        return code(ann("POST", f"{UC}/temporary-path-credentials", json=body))

    admin.grant("catalog", "unity", "ann", "USE CATALOG", "USE SCHEMA", "MODIFY")
    for operation in ("READ", "READ_WRITE"):
        assert asked(operation) == FORBIDDEN
        assert asked_by_path(f"PATH_{operation}") == FORBIDDEN
    changes = [{"principal": "ann", "add": ["SELECT"], "remove": ["MODIFY"]}]
    made(admin("PATCH", f"{UC}/permissions/catalog/unity", json={"changes": changes}))
    assert asked("READ") == asked_by_path("PATH_READ") == (200, "")
    assert asked("READ_WRITE") == asked_by_path("PATH_READ_WRITE") == FORBIDDEN
    admin.grant("table", "unity.s.t", "ann", "MODIFY")
    assert asked("READ_WRITE") == asked_by_path("PATH_READ_WRITE") == (200, "")


def test_the_tests_own_door_is_the_owners(admin: Caller, ann: Caller) -> None:
    assert code(ann("POST", "/emulator/snapshots")) == FORBIDDEN
    made(admin("POST", "/emulator/snapshots"))


@pytest.mark.usefixtures("schema")
def test_lineage_is_of_tables_that_may_be_seen(admin: Caller, ann: Caller) -> None:
    made(admin("POST", f"{UC}/tables", json=OBJECTS["tables"][0]))
    url = "/api/2.0/lineage-tracking/table-lineage"
    asked = {"table_name": "unity.s.v"}
    assert ann("GET", url, params=asked).status_code == 404
    admin.grant("catalog", "unity", "ann", "USE CATALOG", "USE SCHEMA", "SELECT")
    assert ann("GET", url, params=asked).status_code == 200
