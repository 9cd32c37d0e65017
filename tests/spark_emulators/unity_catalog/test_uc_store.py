"""The store, on each database product: names, parents, pages, and steps of tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, insert, select

from spark_emulators.unity_catalog.acting import acting_as
from spark_emulators.unity_catalog.errors import AlreadyExists, NoSuch, NotEmpty
from spark_emulators.unity_catalog.metastore.overlaps import DATA, free
from spark_emulators.unity_catalog.names import TableName
from spark_emulators.unity_catalog.paging import EVERYTHING, PageRequest
from spark_emulators.unity_catalog.securables import Kind, Securable
from spark_emulators.unity_catalog.store.database import SECURABLES, open_database, ping
from spark_emulators.unity_catalog.store.iceberg import Facts, Move, Pointers
from spark_emulators.unity_catalog.store.securables import Securables
from spark_platform.kernel.database import sqlite_url, writing
from spark_platform.kernel.errors import InvalidInput, Missing, Transient

A, B = TableName("c", "s", "a"), TableName("c", "s", "b")
TABLE = Facts("MANAGED", "s3://b/a")


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = open_database(database)
    yield engine
    engine.dispose()


@pytest.fixture
def securables(engine: Engine) -> Securables:
    securables = Securables(engine)
    securables.create(Kind.CATALOG, ["c"])
    securables.create(Kind.SCHEMA, ["c", "s"])
    return securables


@pytest.fixture
def pointers(engine: Engine, securables: Securables) -> Pointers:
    pointers = Pointers(engine, securables)
    assert pointers.swap([Move(A, None, "a0", TABLE), Move(B, None, "b0", TABLE)])
    return pointers


def at(pointers: Pointers, name: TableName) -> str | None:
    place = pointers.place(name)
    return place.securable.metadata_location if place else None


def test_there_is_one_metastore_however_often_it_is_opened(engine: Engine) -> None:
    assert Securables(engine).metastore == Securables(engine).metastore


def test_servers_that_start_at_once_on_an_empty_database_share_one_metastore(database: str) -> None:
    engines = [open_database(database) for _ in range(4)]
    with ThreadPoolExecutor(len(engines)) as pool:
        found = list(pool.map(lambda engine: Securables(engine).metastore.id, engines))
    for engine in engines:
        engine.dispose()
    assert len(set(found)) == 1


def test_of_those_that_want_one_place_at_once_one_has_it(securables: Securables) -> None:
    places = ["s3://b/a", "s3://b/a/inner", "s3://b/a/inner/most", "s3://b/a", "s3://b/a/other"]

    def create(number: int) -> bool:
        check = free(places[number], DATA)
        try:
            securables.create(
                Kind.VOLUME, ["c", "s", f"v{number}"], check, storage_location=places[number]
            )
        except InvalidInput:
            return False
        return True

    with ThreadPoolExecutor(len(places)) as pool:
        made = [places[number] for number, done in enumerate(pool.map(create, range(5))) if done]
    assert made
    # whoever came first, and those who share nothing with it
    for one in made:
        assert not [other for other in made if other != one and f"{other}/".startswith(f"{one}/")]
    assert len(made) == len(set(made))


def test_where_each_is_takes_a_query_a_level(securables: Securables, engine: Engine) -> None:
    for schema in ("s", "t", "u"):
        if schema != "s":
            securables.create(Kind.SCHEMA, ["c", schema])
        for name in ("m", "n"):
            securables.create(Kind.MODEL, ["c", schema, name])
    found = securables.everywhere(Kind.MODEL, EVERYTHING).items
    asked: list[str] = []
    event.listen(engine, "after_cursor_execute", lambda *call: asked.append(call[2]))
    places = securables.places(found)
    assert len([text for text in asked if text.startswith("SELECT")]) == 3
    names = [f"c.{schema}.{name}" for schema in ("s", "t", "u") for name in ("m", "n")]
    assert sorted(place.full_name for place in places) == names
    assert {place.path[0].kind for place in places} == {Kind.METASTORE}


def test_all_below_goes_however_many_they_are(securables: Securables, engine: Engine) -> None:
    parent = securables.create(Kind.MODEL, ["c", "s", "m"])
    version = {"parent_id": parent.securable.id, "kind": Kind.MODEL_VERSION.value}
    with writing(engine) as connection:
        here = SECURABLES.c.id == parent.securable.id
        row = dict(connection.execute(select(SECURABLES).where(here)).mappings().one())
        # more than a statement may have parameters
        rows = [{**row, **version, "id": f"v{n}", "name": f"{n:05}"} for n in range(33_000)]
        connection.execute(insert(SECURABLES), rows)
    securables.drop(Kind.CATALOG, ["c"], force=True)
    assert securables.everywhere(Kind.MODEL_VERSION, PageRequest(size=1)).items == []
    with pytest.raises(NoSuch):
        securables.find(Kind.CATALOG, ["c"])


def test_a_securable_comes_back_as_it_was_made(securables: Securables) -> None:
    fields = {"type": "EXTERNAL", "comment": "é", "properties": {"k": "v"}, "details": {"n": [1]}}
    with acting_as("ada"):
        made = securables.create(Kind.VOLUME, ["c", "s", "v"], storage_location="s3://b", **fields)
    assert made.full_name == "c.s.v"
    assert securables.find(Kind.VOLUME, ["c", "s", "v"]) == made
    assert securables.by_id(Kind.VOLUME, made.securable.id) == made
    volume = made.securable
    assert (volume.owner, volume.created_by, volume.updated_by) == ("ada", "ada", "ada")
    assert volume.created_at == volume.updated_at


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        (("x", "s", "a"), Kind.CATALOG),
        (("c", "x", "a"), Kind.SCHEMA),
        (("c", "s", "x"), Kind.TABLE),
    ],
)
def test_the_highest_that_is_missing_is_named(
    securables: Securables, names: tuple[str, ...], missing: Kind
) -> None:
    with pytest.raises(NoSuch) as caught:
        securables.find(Kind.TABLE, names)
    assert caught.value.kind is missing


def test_an_id_is_of_its_kind_only(securables: Securables) -> None:
    schema = securables.find(Kind.SCHEMA, ["c", "s"]).securable
    with pytest.raises(NoSuch):
        securables.by_id(Kind.TABLE, schema.id)


def test_names_are_unique_among_their_kind_and_parent(securables: Securables) -> None:
    securables.create(Kind.VOLUME, ["c", "s", "n"])
    securables.create(Kind.FUNCTION, ["c", "s", "n"])
    securables.create(Kind.SCHEMA, ["c", "n"])
    with pytest.raises(AlreadyExists):
        securables.create(Kind.VOLUME, ["c", "s", "n"])
    with pytest.raises(AlreadyExists):
        securables.change(
            Kind.SCHEMA, ["c", "n"], lambda schema: dataclasses.replace(schema, name="s")
        )


def test_pages_follow_code_points(securables: Securables) -> None:
    names = ["A", "B", "_", "a", "a-b", "a1", "ab", "b"]
    catalog = securables.create(Kind.CATALOG, ["p"])
    for name in reversed(names):
        securables.create(Kind.SCHEMA, ["p", name])
    assert names == sorted(names)
    page, seen = PageRequest(size=3), list[Securable]()
    while True:
        got = securables.children(catalog, Kind.SCHEMA, page)
        seen += got.items
        if got.last is None:
            break
        page = PageRequest(after=got.last, size=3)
    assert [schema.name for schema in seen] == names


def test_a_change_tells_before_and_after(securables: Securables) -> None:
    with acting_as("bob"):
        before, after = securables.change(
            Kind.SCHEMA, ["c", "s"], lambda schema: dataclasses.replace(schema, name="t")
        )
    assert (before.name, after.full_name) == ("s", "c.t")
    assert (after.securable.updated_by, after.securable.owner) == ("bob", before.owner)


def test_what_holds_others_stays_unless_forced(securables: Securables, pointers: Pointers) -> None:
    with pytest.raises(NotEmpty):
        securables.drop(Kind.SCHEMA, ["c", "s"])
    with pytest.raises(NotEmpty):
        securables.drop(Kind.CATALOG, ["c"])
    assert at(pointers, A) == "a0"
    securables.drop(Kind.CATALOG, ["c"], force=True)
    with pytest.raises(NoSuch):
        securables.find(Kind.CATALOG, ["c"])
    assert securables.create(Kind.CATALOG, ["c"])
    assert not securables.children(
        securables.find(Kind.CATALOG, ["c"]), Kind.SCHEMA, EVERYTHING
    ).items


def test_moving_keeps_the_id(securables: Securables, pointers: Pointers) -> None:
    securables.create(Kind.SCHEMA, ["c", "other"])
    id = securables.find(Kind.TABLE, A.names).securable.id
    securables.move(Kind.TABLE, A.names, ("c", "other", "moved"))
    assert securables.find(Kind.TABLE, ("c", "other", "moved")).securable.id == id
    for taken in (B.names, ("c", "other", "moved")):
        with pytest.raises(AlreadyExists):
            securables.move(Kind.TABLE, ("c", "other", "moved"), taken)


def test_steps_are_taken_together(pointers: Pointers) -> None:
    told = dataclasses.replace(TABLE, comment="new", details={"columns": []})
    assert pointers.swap([Move(A, "a0", "a1", told), Move(B, "b0", "b1", TABLE)])
    assert (at(pointers, A), at(pointers, B)) == ("a1", "b1")
    place = pointers.place(A)
    assert place is not None
    table = place.securable
    assert (table.comment, table.details) == ("new", {"columns": []})


@pytest.mark.parametrize(
    "bad",
    [
        Move(B, "elsewhere", "b1", TABLE),
        Move(B, None, "b1", TABLE),
        Move(TableName("c", "s", "none"), "x", "y", TABLE),
        Move(TableName("c", "none", "t"), None, "y", TABLE),
        Move(TableName("none", "s", "t"), None, "y", TABLE),
    ],
)
def test_or_not_at_all(pointers: Pointers, bad: Move) -> None:
    assert not pointers.swap([Move(A, "a0", "a1", TABLE), bad])
    assert (at(pointers, A), at(pointers, B)) == ("a0", "b0")


def test_a_table_is_dropped_only_where_it_was_seen(pointers: Pointers) -> None:
    assert not pointers.drop(A, "a1")
    assert pointers.drop(A, "a0")
    assert at(pointers, A) is None


def test_a_table_is_replaced_wherever_it_is(pointers: Pointers) -> None:
    assert pointers.replace(Move(A, None, "a9", TABLE))
    assert at(pointers, A) == "a9"
    with pytest.raises(NoSuch):
        pointers.replace(Move(TableName("c", "none", "t"), None, "x", TABLE))


def test_only_what_iceberg_clients_made_is_theirs(
    securables: Securables, pointers: Pointers
) -> None:
    csv, view = TableName("c", "s", "csv"), TableName("c", "s", "view")
    securables.create(Kind.TABLE, csv.names, type="EXTERNAL")
    assert pointers.swap([Move(view, None, "v0", Facts("VIEW", "s3://b/v"))])
    schema = securables.find(Kind.SCHEMA, ["c", "s"])
    assert [table.name for table in pointers.tables(schema, EVERYTHING).items] == ["a", "b"]
    assert [one.name for one in pointers.views(schema, EVERYTHING).items] == ["view"]
    for name in (csv, view):
        assert pointers.place(name) is None
        assert not pointers.replace(Move(name, None, "x", TABLE))
    assert pointers.view_place(A) is None
    assert pointers.view_place(view) is not None


def test_text_that_a_database_cannot_hold_is_refused(
    engine: Engine, securables: Securables
) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite holds NUL")
    with pytest.raises(InvalidInput):
        securables.find(Kind.CATALOG, ["a\x00"])


@pytest.mark.parametrize("name", ["text", "folder", "text/below"])
def test_what_is_no_database_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "text").write_text("no database at all, but text" * 100)
    (tmp_path / "folder").mkdir()
    with pytest.raises(Missing, match=name):
        open_database(sqlite_url(tmp_path / name))


def test_a_database_that_is_closed_to_us_is_busy(engine: Engine) -> None:
    ping(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE uc_securables RENAME TO gone")
        connection.commit()
    with pytest.raises(Transient):
        ping(engine)
