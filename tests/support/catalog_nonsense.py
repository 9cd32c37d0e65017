"""Requests that clients of the catalog should not make, as hypothesis strategies.

Of each API that publishes no OpenAPI: sound requests, of which one part is bent; and paths, queries
and bodies that are anything.
"""

import json
from itertools import chain

from hypothesis import strategies as some
from nonsense import anything, bent, quoted, scalars
from seeded_catalogs import (
    ICEBERG,
    OUTSIDE,
    SCIM,
    STRUCT,
    TABLES,
    TOKENS,
    TRACKING,
    VIEW,
    VIEW_VERSION,
    VIEWS,
)

UC = "/api/2.1/unity-catalog"
NAMESPACE = f"{ICEBERG}/namespaces/s"
LONG = "x" * 300
NOBODYS = [
    *("file:///etc/passwd", "file:///tmp/../etc", "s3://other/x", "/etc", "relative", "ftp://a/b"),
    *("file://host/x", "file:////", "s3://", "s3:///x", "s3://b/\0", "://", "http://[::1", "x:"),
]
words = some.one_of(
    some.sampled_from(["s", "ice", "w", "t", "unity", "", "..", ".", "%2f", "a.b", "%1F", "a%0Ab"]),
    some.sampled_from(["%00", "é", "💥", LONG, "%FF", "a b", "s%1Ft", "*", "'", '"', "%25"]),
    some.text(max_size=12),
)
leaves = some.one_of(
    scalars,
    some.sampled_from(NOBODYS),
    some.sampled_from([LONG, "a.b", "é", "💥", "s\x1ft", "\ud800", -1, 2**31, 2**63 - 1, -(2**63)]),
    some.sampled_from(["1970-01-01", "int", "decimal(99,1)", "bucket[0]", "void", "main", "spark"]),
)
keys = some.one_of(
    some.sampled_from(["id", "name", "type", "fields", "action", "uuid", "schema", "updates"]),
    some.sampled_from(["source-id", "snapshot-id", "value", "op", "path", "location", "element"]),
    some.text(max_size=6),
)
whatever = anything(keys, leaves)
broken = some.sampled_from(
    [b"", b"{", b"[]", b"null", b'"x"', b"1", b"\xff", b"[" * 5000, b'{"a":1e999}', b"NaN"]
)

_ICE = {"namespace": ["s"], "name": "ice"}
_SPEC = {
    "spec-id": 1,
    "fields": [{"source-id": 1, "field-id": 1000, "transform": "bucket[4]", "name": "b"}],
}
_ORDER = {
    "order-id": 1,
    "fields": [
        {"source-id": 1, "transform": "identity", "direction": "asc", "null-order": "nulls-first"}
    ],
}
_NESTED = {
    "type": "struct",
    "schema-id": 1,
    "fields": [
        *STRUCT["fields"],
        {
            "id": 3,
            "name": "tags",
            "required": False,
            "type": {
                "type": "list",
                "element-id": 4,
                "element": "string",
                "element-required": False,
            },
        },
    ],
}
_JOB = {"namespace": "n", "name": "j"}
_EVENT = {
    "eventType": "COMPLETE",
    "eventTime": "2026-01-01T00:00:00Z",
    "producer": "https://example.com",
    "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json",
    "run": {"runId": "01890a5d-ac96-774b-bcce-b302099a8057", "facets": {}},
    "job": {**_JOB, "facets": {}},
    "inputs": [{"namespace": "file", "name": "/in", "facets": {}}],
    "outputs": [{"namespace": "file", "name": "/out", "facets": {}}],
}


def updates(seeded):
    """Every update of an Iceberg table that there is, those together that need each other."""
    now = seeded.ice["metadata"]["last-updated-ms"] + 1
    place = seeded.ice["metadata"]["location"]
    snapshot = {
        "snapshot-id": 7,
        "sequence-number": 1,
        "timestamp-ms": now,
        "manifest-list": f"{place}/metadata/snap-7.avro",
        "summary": {"operation": "append"},
        "schema-id": 0,
    }
    main = {
        "type": "branch",
        "snapshot-id": 7,
        "min-snapshots-to-keep": 1,
        "max-snapshot-age-ms": 1,
        "max-ref-age-ms": 1,
    }
    file = {"snapshot-id": 7, "statistics-path": f"{place}/stats", "file-size-in-bytes": 1}
    sketch = "apache-datasketches-theta-v1"
    blob = {"type": sketch, "snapshot-id": 7, "sequence-number": 1, "fields": [1]}
    statistics = {**file, "file-footer-size-in-bytes": 1, "blob-metadata": [blob]}
    return [
        [{"action": "assign-uuid", "uuid": seeded.ice["metadata"]["table-uuid"]}],
        [{"action": "upgrade-format-version", "format-version": 2}],
        [
            {"action": "add-schema", "schema": _NESTED, "last-column-id": 4},
            {"action": "set-current-schema", "schema-id": -1},
        ],
        [
            {"action": "add-spec", "spec": _SPEC},
            {"action": "set-default-spec", "spec-id": -1},
        ],
        [
            {"action": "add-sort-order", "sort-order": _ORDER},
            {"action": "set-default-sort-order", "sort-order-id": -1},
        ],
        [{"action": "set-location", "location": f"{seeded.root}/moved"}],
        [
            {"action": "set-properties", "updates": {"write.metadata.path": f"{place}/m"}},
            {"action": "remove-properties", "removals": ["write.metadata.path"]},
        ],
        [
            {"action": "add-snapshot", "snapshot": snapshot},
            {"action": "set-snapshot-ref", "ref-name": "main", **main},
            {"action": "set-statistics", "snapshot-id": 7, "statistics": statistics},
            {"action": "set-partition-statistics", "partition-statistics": file},
            {"action": "remove-statistics", "snapshot-id": 7},
            {"action": "remove-partition-statistics", "snapshot-id": 7},
            {"action": "remove-snapshot-ref", "ref-name": "main"},
            {"action": "remove-snapshots", "snapshot-ids": [7]},
        ],
        [{"action": "remove-partition-specs", "spec-ids": [9]}],
        [{"action": "remove-schemas", "schema-ids": [9]}],
    ]


def view_updates(seeded):
    """The same of a view."""
    return [
        [{"action": "assign-uuid", "uuid": seeded.view["metadata"]["view-uuid"]}],
        [{"action": "upgrade-format-version", "format-version": 1}],
        [{"action": "add-schema", "schema": _NESTED}],
        [{"action": "set-location", "location": f"{seeded.root}/view"}],
        [
            {"action": "set-properties", "updates": {"version.history.num-entries": "2"}},
            {"action": "remove-properties", "removals": ["version.history.num-entries"]},
        ],
        [
            {"action": "add-view-version", "view-version": {**VIEW_VERSION, "version-id": 2}},
            {"action": "set-current-view-version", "view-version-id": -1},
        ],
    ]


def requirements(seeded):
    """Every requirement that there is, as it holds."""
    return [
        {"type": "assert-table-uuid", "uuid": seeded.ice["metadata"]["table-uuid"]},
        {"type": "assert-ref-snapshot-id", "ref": "main", "snapshot-id": None},
        {"type": "assert-last-assigned-field-id", "last-assigned-field-id": 2},
        {"type": "assert-current-schema-id", "current-schema-id": 0},
        {"type": "assert-last-assigned-partition-id", "last-assigned-partition-id": 999},
        {"type": "assert-default-spec-id", "default-spec-id": 0},
        {"type": "assert-default-sort-order-id", "default-sort-order-id": 0},
    ]


def iceberg(seeded):
    """Sound requests of Iceberg REST: method, path and body of each."""
    of_table, of_view = updates(seeded), view_updates(seeded)
    all_at_once = {"requirements": requirements(seeded), "updates": list(chain(*of_table))}
    own = {"type": "assert-view-uuid", "uuid": seeded.view["metadata"]["view-uuid"]}
    report = {
        "report-type": "commit-report",
        "table-name": "s.ice",
        "snapshot-id": 1,
        "sequence-number": 1,
        "operation": "append",
        "metrics": {},
    }
    create = {
        "name": "new",
        "schema": _NESTED,
        "partition-spec": _SPEC,
        "write-order": _ORDER,
        "location": f"{seeded.root}/new",
        "stage-create": False,
        "properties": {"format-version": "2"},
    }
    first = {"requirements": [{"type": "assert-create"}], "updates": list(chain(*of_table[:7]))}
    namespace = {"namespace": ["n"], "properties": {"location": f"{seeded.root}/n"}}
    renamed = {"source": _ICE, "destination": {"namespace": ["s"], "name": "moved"}}
    renamed_view = {**renamed, "source": {"namespace": ["s"], "name": "w"}}
    changes = {"table-changes": [{**all_at_once, "identifier": _ICE}]}
    known, known_view = (
        {"name": "again", "metadata-location": one["metadata-location"]}
        for one in (seeded.ice, seeded.view)
    )
    posts = [
        (f"{ICEBERG}/namespaces", namespace),
        (f"{NAMESPACE}/properties", {"removals": ["a"], "updates": {"comment": "c"}}),
        (TABLES, create),
        (TABLES, {**create, "stage-create": True}),
        (f"{TABLES}/ice", all_at_once),
        *((f"{TABLES}/ice", {"requirements": [], "updates": each}) for each in of_table),
        (f"{TABLES}/new", first),
        (f"{TABLES}/ice/metrics", report),
        (f"{NAMESPACE}/register", {**known, "overwrite": False}),
        (f"{ICEBERG}/tables/rename", renamed),
        (f"{ICEBERG}/transactions/commit", changes),
        (VIEWS, {**VIEW, "name": "new", "location": f"{seeded.root}/view"}),
        *((f"{VIEWS}/w", {"requirements": [own], "updates": each}) for each in of_view),
        (f"{NAMESPACE}/register-view", known_view),
        (f"{ICEBERG}/views/rename", renamed_view),
    ]
    return [("POST", path, body) for path, body in posts]


def others(seeded):
    """Sound requests of the APIs for principals, permissions and lineage."""
    user = {
        "userName": "bob",
        "displayName": "Bob",
        "externalId": "x",
        "active": True,
        "emails": [{"value": "bob@example.com", "primary": True}],
    }
    group = {"displayName": "g", "members": [{"value": seeded.ids["ada"]}]}
    off = {"Operations": [{"op": "replace", "path": "active", "value": False}]}
    change = {"changes": [{"principal": "ada", "add": ["MODIFY"], "remove": ["SELECT"]}]}
    relation = {
        "source": {"external_metadata": {"name": "board"}},
        "target": {"table": {"name": "unity.s.t"}},
        "columns": [{"source": "a", "target": "b"}],
    }
    return [
        ("POST", f"{SCIM}/Users", user),
        ("PUT", f"{SCIM}/Users/{seeded.ids['ada']}", {**user, "userName": "ada", "emails": []}),
        ("PATCH", f"{SCIM}/Users/{seeded.ids['ada']}", off),
        ("POST", f"{SCIM}/Groups", group),
        ("POST", f"{SCIM}/ServicePrincipals", {"applicationId": "app", "displayName": "App"}),
        ("PATCH", f"{UC}/permissions/table/unity.s.t", change),
        ("POST", "/api/v1/lineage", _EVENT),
        ("POST", "/api/v1/lineage/batch", [_EVENT]),
        ("POST", f"{TRACKING}/external-metadata", {**OUTSIDE, "name": "other"}),
        ("POST", f"{TRACKING}/external-lineage", relation),
    ]


def nearly(sound):
    """One of the sound requests with one part of its body replaced."""
    return some.sampled_from(sound).flatmap(
        lambda one: some.tuples(some.just(one[0]), some.just(one[1]), bent(one[2], whatever))
    )


@some.composite
def paths(draw):
    """A path that some API may take for its own."""
    base = draw(some.sampled_from(BASES))
    known = some.sampled_from(["namespaces", "tables", "views", "Users", "table", "s", "ice", "w"])
    parts = draw(some.lists(some.one_of(known, words.map(quoted)), max_size=5))
    return "/".join([base, *parts])


BASES = [
    *(ICEBERG, NAMESPACE, TABLES, VIEWS, f"{UC}/iceberg/v1", f"{UC}/iceberg-rest"),
    *(f"{UC}/permissions", f"{UC}/effective-permissions", SCIM, "/api/1.0/unity-control"),
    *(TRACKING, "/api/v1/lineage", f"{UC}/delta/preview", "/api/2.0/unity-catalog", "/emulator"),
    *("", TOKENS, f"{UC}/iceberg/v1/oauth/tokens"),
]
_numbers = some.sampled_from(["", "0", "-1", "1", "x", "1e3", "9" * 30, "١", "1.5"])
QUERIES = {
    **dict.fromkeys(("pageSize", "max_results", "count", "startIndex", "page_size"), _numbers),
    **dict.fromkeys(
        ("pageToken", "page_token"), some.one_of(words, some.sampled_from(["w6k=", "="]))
    ),
    "snapshots": some.sampled_from(["refs", "some", ""]),
    "purgeRequested": some.sampled_from(["maybe", "TRUE", ""]),
    "parent": words,
    "warehouse": words,
    "principal": words,
    "force": some.sampled_from(["maybe", ""]),
    "filter": some.sampled_from(['userName eq "ada"', "userName", "x eq 'y", "", "id co 1"]),
    "table_name": some.sampled_from(["unity.s.t", "a", "", "a.b.c.d", "unity.s.\0"]),
    "column_name": words,
    "lineage_direction": some.sampled_from(["UPSTREAM", "SIDEWAYS"]),
    "object_info.table.name": words,
    "object_info.table": words,
    "object_info": words,
    "update_mask": words,
}
queries = some.dictionaries(some.sampled_from(sorted(QUERIES)), some.none(), max_size=4).flatmap(
    lambda chosen: some.fixed_dictionaries({key: QUERIES[key] for key in chosen})
)
bodies = some.one_of(broken, whatever.map(lambda value: encoded(value)))
methods = some.sampled_from(["GET", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE"])
media = some.sampled_from(
    ["application/json", "text/plain", "", "application/x-www-form-urlencoded"]
)


def encoded(value):
    """A value as JSON, half surrogate pairs as they are escaped."""
    return json.dumps(value).encode()
