"""Principals and grants in the store, on each database product."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, event

from spark_emulators.unity_catalog.access.guard import Guarded
from spark_emulators.unity_catalog.access.principals import Principal, PrincipalKind
from spark_emulators.unity_catalog.access.privileges import Privilege
from spark_emulators.unity_catalog.access.rules import Action
from spark_emulators.unity_catalog.acting import ADMIN, acting_as
from spark_emulators.unity_catalog.paging import EVERYTHING
from spark_emulators.unity_catalog.securables import Kind
from spark_emulators.unity_catalog.store.database import open_database
from spark_emulators.unity_catalog.store.grants import GrantChange, Grants
from spark_emulators.unity_catalog.store.keys import Keys
from spark_emulators.unity_catalog.store.principals import Principals
from spark_emulators.unity_catalog.store.securables import Securables
from spark_platform.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound

USER, GROUP = PrincipalKind.USER, PrincipalKind.GROUP
SELECT, MODIFY = Privilege.SELECT, Privilege.MODIFY


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = open_database(database)
    yield engine
    engine.dispose()


@pytest.fixture
def principals(engine: Engine) -> Principals:
    return Principals(engine)


@pytest.fixture
def grants(engine: Engine) -> Grants:
    return Grants(engine)


@pytest.fixture
def securables(engine: Engine) -> Securables:
    securables = Securables(engine)
    securables.create(Kind.CATALOG, ["c"])
    securables.create(Kind.SCHEMA, ["c", "s"])
    return securables


@pytest.fixture
def ann(principals: Principals) -> Principal:
    return principals.create(USER, "ann@example.com")


def give(*privileges: Privilege, to: str = "ann@example.com") -> GrantChange:
    return GrantChange(to, add=frozenset(privileges))


def test_the_first_start_makes_an_admin_and_later_ones_find_it(engine: Engine) -> None:
    first, second = Principals(engine).named(ADMIN), Principals(engine).named(ADMIN)
    assert first == second
    assert first is not None
    assert first.active


def test_admin_stays(principals: Principals) -> None:
    admin = principals.named(ADMIN)
    assert admin is not None
    with pytest.raises(InvalidInput, match="owns the metastore"):
        principals.delete(USER, admin.id)
    with pytest.raises(InvalidInput, match="owns the metastore"):
        principals.change(USER, admin.id, lambda one: dataclasses.replace(one, active=False))


def test_names_are_unique_among_all_kinds_and_for_ever(
    principals: Principals, ann: Principal
) -> None:
    for kind in PrincipalKind:
        with pytest.raises(Conflict):
            principals.create(kind, ann.name)
    with pytest.raises(InvalidInput, match="cannot be changed"):
        principals.change(USER, ann.id, lambda one: dataclasses.replace(one, name="bob"))
    renamed = principals.change(
        USER, ann.id, lambda one: dataclasses.replace(one, display_name="Ann")
    )
    assert principals.by_id(USER, ann.id) == renamed


@pytest.mark.parametrize("name", ["", " ann", "a\nb", "x" * 256, "System user"])
def test_names_show(principals: Principals, name: str) -> None:
    with pytest.raises(InvalidInput):
        principals.create(USER, name)


def test_pages_are_by_name_and_know_the_total(principals: Principals) -> None:
    for name in ("b", "a", "c"):
        principals.create(GROUP, name)
    page, total = principals.page(GROUP, {}, start=1, count=1)
    assert ([one.name for one in page], total) == (["b"], 3)
    page, total = principals.page(GROUP, {"name": "c"})
    assert ([one.name for one in page], total) == (["c"], 1)


def test_members_come_and_go(principals: Principals, ann: Principal) -> None:
    team = principals.create(GROUP, "team", members=frozenset({ann.id}))
    assert principals.members(team) == [ann]
    with pytest.raises(NotFound, match="nobody"):
        principals.change(GROUP, team.id, lambda one: one, lambda ids: ids | {"nobody"})
    with pytest.raises(NotFound, match="nobody"):
        principals.create(GROUP, "others", members=frozenset({"nobody"}))
    assert principals.named("others") is None
    principals.delete(USER, ann.id)
    assert principals.members(team) == []


def test_grants_are_given_twice_and_taken_twice(
    grants: Grants, securables: Securables, ann: Principal
) -> None:
    id = securables.find(Kind.SCHEMA, ["c", "s"]).securable.id
    for _ in range(2):
        grants.change(id, [give(SELECT, MODIFY)])
        assert grants.on([id]) == {id: {ann.name: {SELECT, MODIFY}}}
    for _ in range(2):
        grants.change(id, [GrantChange(ann.name, remove=frozenset({MODIFY}))])
        assert grants.on([id]) == {id: {ann.name: {SELECT}}}


def test_one_unknown_principal_undoes_all(
    grants: Grants, securables: Securables, ann: Principal
) -> None:
    id = securables.find(Kind.CATALOG, ["c"]).securable.id
    with pytest.raises(NotFound, match="bob"):
        grants.change(id, [give(SELECT), give(SELECT, to="bob")])
    assert grants.on([id]) == {id: {}}


def test_a_dropped_securable_takes_its_grants_along(
    grants: Grants, securables: Securables, ann: Principal
) -> None:
    id = securables.find(Kind.SCHEMA, ["c", "s"]).securable.id
    grants.change(id, [give(SELECT)])
    securables.drop(Kind.CATALOG, ["c"], force=True)
    assert grants.on([id]) == {id: {}}
    with pytest.raises(NotFound):
        grants.change(id, [give(SELECT)])


def test_a_user_who_comes_back_has_nothing(
    grants: Grants, securables: Securables, principals: Principals, ann: Principal
) -> None:
    id = securables.find(Kind.SCHEMA, ["c", "s"]).securable.id
    grants.change(id, [give(SELECT)])
    principals.delete(USER, ann.id)
    principals.create(USER, ann.name)
    assert grants.rights(ann.name, [id]).grants == {}


def test_rights_are_those_of_groups_too_in_one_query(
    engine: Engine, grants: Grants, securables: Securables, principals: Principals, ann: Principal
) -> None:
    team = principals.create(GROUP, "team", members=frozenset({ann.id}))
    all_teams = principals.create(GROUP, "all teams", members=frozenset({team.id}))
    # around in a circle, which must end
    principals.change(GROUP, team.id, lambda one: one, lambda ids: ids | {all_teams.id})
    principals.create(GROUP, "others")
    path = securables.find(Kind.SCHEMA, ["c", "s"]).path
    grants.change(path[1].id, [give(Privilege.USE_CATALOG, to="all teams")])
    grants.change(path[2].id, [give(MODIFY, to="others"), give(SELECT, to="team")])
    queries: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: queries.append(args[2]))
    rights = grants.rights(ann.name, [one.id for one in path])
    assert rights.names == {ann.name, "team", "all teams"}
    assert rights.grants == {path[1].id: {Privilege.USE_CATALOG}, path[2].id: {SELECT}}
    assert len([query for query in queries if "uc_" in query]) == 1


def test_the_guard_says_who_what_where_and_what_is_missing(
    grants: Grants, securables: Securables, ann: Principal
) -> None:
    guard, schema = Guarded(grants), securables.find(Kind.SCHEMA, ["c", "s"])
    grants.change(schema.path[1].id, [give(Privilege.USE_CATALOG, Privilege.USE_SCHEMA)])
    with acting_as(ann.name):
        guard.require(Action.SEE_SCHEMA, schema)
        with pytest.raises(Forbidden) as caught:
            guard.require(Action.CREATE_TABLE, schema)
    assert caught.value.message == "principal ann@example.com may not create a table: schema c.s"
    assert caught.value.hint == "it needs CREATE TABLE on schema s"
    guard.require(Action.DELETE_SCHEMA, schema)


def test_a_page_shows_what_may_be_seen_in_one_query(
    engine: Engine, grants: Grants, securables: Securables, ann: Principal
) -> None:
    guard, catalog = Guarded(grants), securables.find(Kind.CATALOG, ["c"])
    for number in range(5):
        securables.create(Kind.SCHEMA, ["c", f"s{number}"])
    grants.change(catalog.securable.id, [give(Privilege.USE_CATALOG)])
    seen = securables.find(Kind.SCHEMA, ["c", "s3"]).securable
    grants.change(seen.id, [give(Privilege.USE_SCHEMA)])
    page = securables.children(catalog, Kind.SCHEMA, EVERYTHING)
    queries: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: queries.append(args[2]))
    with acting_as(ann.name):
        assert guard.shown(Action.SEE_SCHEMA, catalog, page).items == [seen]
    assert len([query for query in queries if "uc_" in query]) == 1


def test_a_listing_of_everything_may_be_long(
    grants: Grants, securables: Securables, ann: Principal
) -> None:
    path = securables.find(Kind.SCHEMA, ["c", "s"]).path
    grants.change(path[2].id, [give(SELECT)])
    ids = [*(str(number) for number in range(70_000)), path[2].id]
    assert grants.rights(ann.name, ids).grants == {path[2].id: {SELECT}}


def test_all_servers_on_a_database_have_one_key(engine: Engine) -> None:
    assert Keys(engine).get("k", lambda: "first") == "first"
    assert Keys(engine).get("k", lambda: "second") == "first"
    assert Keys(engine).get("other", lambda: "third") == "third"
