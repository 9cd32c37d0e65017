"""A catalog with something of each kind in it, which every answer is checked of.

Whatever it is asked, it fails nowhere; an error has its API's shape, and nothing has changed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from spark_emulators.unity_catalog.paths import MOUNTS, UNITY_CATALOG
from spark_emulators.unity_catalog.store.database import SCHEMA
from spark_platform.kernel.database import reading

SERVER = "http://testserver"
ICEBERG = f"{MOUNTS[0]}/v1/catalogs/unity"
TABLES = f"{ICEBERG}/namespaces/s/tables"
VIEWS = f"{ICEBERG}/namespaces/s/views"
SCIM = "/api/2.0/preview/scim/v2"
TRACKING = "/api/2.0/lineage-tracking"
TOKENS = "/oidc/v1/token"
IN_SCHEMA = {"catalog_name": "unity", "schema_name": "s"}
COLUMN = {"name": "a", "type_name": "INT", "type_text": "int", "position": 0}
CSV = {"table_type": "EXTERNAL", "data_source_format": "CSV", "columns": [COLUMN]}
DELTA = {"table_type": "MANAGED", "data_source_format": "DELTA", "columns": [COLUMN]}
FUNCTION = {
    **IN_SCHEMA,
    "name": "f",
    "input_params": {"parameters": [{**COLUMN, "name": "x"}]},
    "data_type": "INT",
    "full_data_type": "INT",
    "routine_body": "SQL",
    "routine_definition": "x + 1",
    "parameter_style": "S",
    "is_deterministic": True,
    "sql_data_access": "NO_SQL",
    "is_null_call": False,
    "security_type": "DEFINER",
    "specific_name": "f",
}
FIELDS = [
    {"id": 1, "name": "id", "required": True, "type": "long"},
    {"id": 2, "name": "name", "required": False, "type": "string"},
]
STRUCT = {"type": "struct", "schema-id": 0, "fields": FIELDS}
VIEW_VERSION = {
    "version-id": 1,
    "schema-id": 0,
    "timestamp-ms": 1_700_000_000_001,
    "summary": {"engine-name": "test"},
    "representations": [{"type": "sql", "sql": "SELECT 1", "dialect": "spark"}],
    "default-namespace": ["s"],
}
VIEW = {"name": "w", "schema": STRUCT, "view-version": VIEW_VERSION, "properties": {}}
OUTSIDE = {"name": "board", "system_type": "TABLEAU", "entity_type": "dashboard"}
ROLE = {"role_arn": "arn:aws:iam::1:role/r"}


class Seeded:
    """The catalog.

    Attributes:
        ids: of ``metastore``, CSV table ``t``, Delta table ``d``, volume ``v`` and user ``ada``.
        delta: where ``d`` is.
        ice, view: the Iceberg table ``ice`` and the view ``w``, as they were made.
        seen: the statuses that came back, by path and method as ``ask`` was told them.

    Args:
        http: has ``request(method, path, **options)``.
        folder: where its files are.
    """

    def __init__(self, http: Any, engine: Engine, folder: Path) -> None:
        self.http, self._engine, self._folder = http, engine, folder
        self.root = f"file://{folder}/warehouse"
        self.ids: dict[str, str] = {}
        self.seen: dict[str, set[int]] = {}
        self._fill()
        self._snapshot = self._made("POST", "/emulator/snapshots")["id"]
        self._before = self._state()

    def ask(self, label: str, method: str, path: str, **options: Any) -> Any:
        """The answer, which is sound; afterwards the catalog is as it was."""
        answer = self.http.request(method, f"{SERVER}{path}", **options)
        told = (method, path, options, answer.status_code, answer.text)
        self.seen.setdefault(label, set()).add(answer.status_code)
        assert answer.status_code < 500, told
        if answer.status_code >= 400:
            # a client may have left out a ".." of the path
            assert method == "HEAD" or has_its_shape(method, answer.url.path, answer), told
            assert self._state() == self._before, told
        elif method not in ("GET", "HEAD"):
            self._restore()
        return answer

    def _restore(self) -> None:
        self._made("POST", f"/emulator/snapshots/{self._snapshot}/restore")
        self._made("DELETE", "/emulator/faults")
        self._before = self._state()

    def _state(self) -> Any:
        """Every row there is, and every file."""
        with reading(self._engine) as connection:
            rows = {
                table.name: sorted(map(repr, connection.execute(select(table))))
                for table in SCHEMA.sorted_tables
            }
        return rows, sorted(map(str, self._folder.rglob("*.json")))

    def _made(self, method: str, path: str, json: Any = None) -> Any:
        answer = self.http.request(method, f"{SERVER}{path}", json=json)
        assert answer.is_success, (method, path, answer.text)
        return answer.json()

    def _uc(self, path: str, body: Any, method: str = "POST") -> Any:
        return self._made(method, f"{UNITY_CATALOG}/{path}", body)

    def _fill(self) -> None:
        summary = self._made("GET", f"{UNITY_CATALOG}/metastore_summary")
        self.ids["metastore"] = summary["metastore_id"]
        self._uc("schemas", {"name": "s", "catalog_name": "unity"})
        csv = {**IN_SCHEMA, **CSV, "name": "t", "storage_location": f"{self.root}/x/t"}
        self.ids["t"] = self._uc("tables", csv)["table_id"]
        staged = self._uc("staging-tables", {**IN_SCHEMA, "name": "d"})
        self.ids["d"], self.delta = staged["id"], staged["staging_location"]
        known = {"properties": {"io.unitycatalog.tableId": staged["id"]}}
        delta = {**IN_SCHEMA, **DELTA, **known, "name": "d", "storage_location": self.delta}
        self._uc("tables", delta)
        volume = {**IN_SCHEMA, "name": "v", "volume_type": "MANAGED"}
        self.ids["v"] = self._uc("volumes", volume)["volume_id"]
        self._uc("functions", {"function_info": FUNCTION})
        self._uc("models", {**IN_SCHEMA, "name": "m"})
        self._uc("models/versions", {**IN_SCHEMA, "model_name": "m", "source": "s3://x"})
        self._uc("models/unity.s.m/aliases/best", {"version_num": 1}, "PUT")
        self._uc("credentials", {"name": "k", "aws_iam_role": ROLE})
        self._uc(
            "external-locations", {"name": "l", "url": f"{self.root}/x", "credential_name": "k"}
        )
        self.ice = self._made("POST", TABLES, {"name": "ice", "schema": STRUCT})
        self.view = self._made("POST", VIEWS, VIEW)
        self._made("POST", f"{TRACKING}/external-metadata", OUTSIDE)
        self.ids["ada"] = self._made("POST", f"{SCIM}/Users", {"userName": "ada"})["id"]
        grant = {"changes": [{"principal": "ada", "add": ["SELECT"]}]}
        self._uc("permissions/table/unity.s.t", grant, "PATCH")


def has_its_shape(method: str, path: str, answer: Any) -> bool:
    """Whether an error is told as the API at a path tells them."""
    body, status = answer.json(), answer.status_code
    if method == "POST" and path in (TOKENS, *(f"{mount}/v1/oauth/tokens" for mount in MOUNTS)):
        return set(body) == {"error", "error_description"}
    if path.startswith(tuple(f"{mount}/" for mount in MOUNTS)):
        return set(body) == {"error"} and body["error"].keys() == {"message", "type", "code"}
    if path.startswith(SCIM):
        return bool(body["status"] == str(status) and body["detail"])
    reasons = [detail["reason"] for detail in body["details"]]
    return set(body) == {"error_code", "message", "details"} and reasons == [body["error_code"]]
