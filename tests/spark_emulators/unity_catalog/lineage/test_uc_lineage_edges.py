"""From events to edges, without a database."""

import pytest

from spark_emulators.unity_catalog.lineage.edges import (
    ColumnEdge,
    End,
    TableEdge,
    Type,
    edges_of,
)
from spark_emulators.unity_catalog.lineage.events import Observation, parse_event
from spark_platform.kernel.errors import InvalidInput

CUSTOMERS = End(Type.TABLE, "unity.sales.customers")
ORDERS = End(Type.TABLE, "unity.sales.orders")
BIG = End(Type.TABLE, "unity.sales.big")
EXPORT = End(Type.PATH, "s3://unity/export/big")


def observed(*documents):
    return [parse_event(document) for document in documents]


def dataset(name, **facets):
    return {"namespace": "s3://bucket", "name": name, "facets": facets}


def path(name):
    return End(Type.PATH, f"s3://bucket/{name}")


def source(name, field=None, **more):
    return {"namespace": "s3://bucket", "name": name, **({"field": field} if field else {}), **more}


def seen(inputs=(), outputs=()):
    return Observation.model_validate({"inputs": inputs, "outputs": outputs})


def test_a_ctas_of_a_join_with_a_filter(captured, catalog):
    whole = edges_of(observed(*captured[0:5]), catalog)
    assert whole.tables == {TableEdge(ORDERS, BIG), TableEdge(CUSTOMERS, BIG)}
    assert whole.columns == {
        ColumnEdge(CUSTOMERS, "name", BIG, "name"),
        ColumnEdge(CUSTOMERS, "name", BIG, "loud"),
        ColumnEdge(ORDERS, "amount", BIG, "twice"),
    }


@pytest.mark.parametrize("run", [slice(1, 4), slice(4, 5)])
def test_each_of_its_two_runs_says_the_same(captured, catalog, run):
    assert edges_of(observed(*captured[run]), catalog) == edges_of(observed(*captured[:5]), catalog)


def test_paths_are_ends_too(captured, catalog):
    [write, read] = observed(captured[5], captured[6])
    assert edges_of([write], catalog).tables == {TableEdge(BIG, EXPORT)}
    assert ColumnEdge(BIG, "twice", EXPORT, "twice") in edges_of([write], catalog).columns
    back = End(Type.TABLE, "unity.sales.back")
    assert edges_of([read], catalog).tables == {TableEdge(EXPORT, back)}


def test_a_merge_reads_what_it_writes(captured, catalog):
    assert edges_of(observed(captured[7]), catalog).tables == {
        TableEdge(BIG, BIG),
        TableEdge(CUSTOMERS, BIG),
    }


def test_a_location_wins_over_a_name(captured, catalog):
    location = captured[4]["outputs"][0]
    catalog.tables[f"{location['namespace']}/{location['name']}"] = "unity.sales.renamed"
    targets = {edge.target for edge in edges_of(observed(captured[4]), catalog).tables}
    assert targets == {End(Type.TABLE, "unity.sales.renamed")}


def test_a_table_of_another_catalog_is_a_path(captured, catalog):
    catalog.catalogs = ("other",)
    [edge] = edges_of(observed(captured[5]), catalog).tables
    assert edge.source.type is Type.PATH


def test_a_symlink_of_the_unity_catalog_connector(catalog):
    symlink = {"namespace": "unitycatalog://host:8080", "name": "unity.sales.t", "type": "TABLE"}
    [edge] = edges_of([seen([dataset("t", symlinks={"identifiers": [symlink]})])], catalog).tables
    assert edge == TableEdge(End(Type.TABLE, "unity.sales.t"), None)


@pytest.mark.parametrize(
    ("kind", "name"), [("LOCATION", "unity.sales.t"), ("TABLE", "sales.t"), ("TABLE", "a.b.c.d")]
)
def test_other_symlinks_name_no_table(catalog, kind, name):
    symlink = {"namespace": "unitycatalog://host", "name": name, "type": kind}
    [edge] = edges_of([seen([dataset("t", symlinks={"identifiers": [symlink]})])], catalog).tables
    assert edge.source == path("t")


def test_reads_and_writes_from_nothing(catalog):
    assert edges_of([seen([dataset("a")])], catalog).tables == {TableEdge(path("a"), None)}
    assert edges_of([seen((), [dataset("a")])], catalog).tables == {TableEdge(None, path("a"))}
    assert edges_of([seen()], catalog).tables == frozenset()


def test_a_file_of_this_machine(catalog):
    local = {"namespace": "file", "name": "/data/in.csv"}
    assert edges_of([seen([local])], catalog).tables == {
        TableEdge(End(Type.PATH, "file:/data/in.csv"), None)
    }


@pytest.mark.parametrize("change", ["DROP", "rename"])
def test_a_table_that_goes_is_not_written(catalog, change):
    gone = dataset("t", lifecycleStateChange={"lifecycleStateChange": change})
    assert edges_of([seen((), [gone])], catalog).tables == frozenset()


def test_inputs_of_the_whole_dataset_make_no_column_edges(catalog):
    facet = {
        "fields": {"out": {"inputFields": [source("a", "in")]}},
        "dataset": [source("a", "filtered", transformations=[{"type": "INDIRECT"}])],
    }
    found = edges_of([seen([dataset("a")], [dataset("b", columnLineage=facet)])], catalog)
    assert found.columns == {ColumnEdge(path("a"), "in", path("b"), "out")}


def test_an_indirect_input_of_one_field_does(catalog):
    indirect = source("a", "case", transformations=[{"type": "INDIRECT"}])
    facet = {"fields": {"out": {"inputFields": [indirect]}}}
    found = edges_of([seen([dataset("a")], [dataset("b", columnLineage=facet)])], catalog)
    assert found.columns == {ColumnEdge(path("a"), "case", path("b"), "out")}


def test_the_lineage_facet_says_what_an_output_comes_from_and_nothing_else(catalog):
    facet = {
        "inputs": [
            source("a", type="DATASET"),
            source("a", "filtered", type="DATASET"),
            source("generator", type="JOB"),
        ],
        "fields": {"out": {"inputs": [source("c", "in", type="DATASET")]}},
    }
    run = seen([dataset("a"), dataset("b")], [dataset("stated", lineage=facet), dataset("plain")])
    found = edges_of([run], catalog)
    assert found.tables == {
        TableEdge(path("a"), path("stated")),
        TableEdge(path("c"), path("stated")),
        TableEdge(path("a"), path("plain")),
        TableEdge(path("b"), path("plain")),
    }
    assert found.columns == {ColumnEdge(path("c"), "in", path("stated"), "out")}


def test_a_lineage_facet_without_inputs_says_that_there_are_none(catalog):
    run = seen([dataset("a")], [dataset("b", lineage={"inputs": []})])
    assert edges_of([run], catalog).tables == {TableEdge(None, path("b"))}


def test_a_deleted_facet_is_not_there(catalog):
    facet = {"inputs": [], "_deleted": True}
    run = seen([dataset("a")], [dataset("b", lineage=facet)])
    assert edges_of([run], catalog).tables == {TableEdge(path("a"), path("b"))}


RUN = {
    "eventTime": "2026-01-01T00:00:00Z",
    "producer": "p",
    "schemaURL": "s",
    "run": {"runId": "01a21ce2-f290-73bc-a767-2e6660ee72a3"},
    "job": {"namespace": "n", "name": "j"},
}


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ([], "object"),
        ({}, "`run`"),
        ({**RUN, "run": {"runId": "seven"}}, "run.runId"),
        ({**RUN, "eventTime": "yesterday"}, "eventTime"),
        ({**RUN, "eventType": "DONE"}, "eventType"),
        ({**RUN, "job": None}, "job"),
        ({**RUN, "inputs": {"namespace": "n"}}, "inputs"),
        ({**RUN, "outputs": [{"namespace": "n"}]}, "outputs.0.name"),
        ({**RUN, "outputs": [{"namespace": "n", "name": "\0"}]}, "outputs.0.name"),
        ({**RUN, "outputs": [{"namespace": "n", "name": ""}]}, "outputs.0.name"),
        (
            {**RUN, "outputs": [{"namespace": "n", "name": "o", "facets": {"columnLineage": {}}}]},
            "outputs.0.facets.columnLineage.fields",
        ),
        ({key: value for key, value in RUN.items() if key != "schemaURL"}, "schemaURL"),
    ],
)
def test_bad_events_name_the_field(document, named):
    with pytest.raises(InvalidInput, match=named):
        parse_event(document)


def test_what_is_not_read_passes():
    event = parse_event(
        {**RUN, "inputs": None, "outputs": [{"namespace": "n", "name": "o", "facets": None}]}
        | {"run": {**RUN["run"], "facets": {"custom": {"_producer": 7}}}, "more": 1}
    )
    assert event.outputs[0].name == "o"
