"""Who may do what: every rule against every combination of what it could go by.

``EXPECTED`` says each rule once more, as the reference's table does: ``MO``, ``CO``, ``SO`` own the
metastore, catalog and schema, ``OWNER`` the thing itself, all else are privileges.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import pytest

from spark_emulators.unity_catalog.access.privileges import Privilege
from spark_emulators.unity_catalog.access.rules import RULES, Action, Rights, allowed, missing
from spark_emulators.unity_catalog.securables import LEVELS, Kind, Place, Securable

C, S = "(CO or USE_CATALOG)", "(SO or USE_SCHEMA)"
SEEN = "MO or CO or (SO and USE_CATALOG) or (USE_SCHEMA and USE_CATALOG and (OWNER or {}))"
DELETED = "CO or (SO and USE_CATALOG) or (USE_SCHEMA and USE_CATALOG and OWNER)"
MADE = f"{C} and (SO or (USE_SCHEMA and {{}}))"
OWNED = f"OWNER and {C} and {S}"
READ = f"{C} and {S} and (OWNER or {{}})"

EXPECTED: dict[Action, tuple[Kind, str]] = {
    Action.ADMINISTER: (Kind.METASTORE, "MO"),
    Action.CREATE_CATALOG: (Kind.METASTORE, "MO or CREATE_CATALOG"),
    Action.SEE_CATALOG: (Kind.CATALOG, f"MO or {C}"),
    Action.UPDATE_CATALOG: (Kind.CATALOG, "CO"),
    Action.DELETE_CATALOG: (Kind.CATALOG, "MO or CO"),
    Action.CREATE_SCHEMA: (Kind.CATALOG, "CO or (USE_CATALOG and CREATE_SCHEMA)"),
    Action.SEE_SCHEMA: (Kind.SCHEMA, f"MO or CO or ({S} and USE_CATALOG)"),
    Action.UPDATE_SCHEMA: (Kind.SCHEMA, "MO or SO or (USE_SCHEMA and USE_CATALOG)"),
    Action.DELETE_SCHEMA: (Kind.SCHEMA, "MO or CO or (SO and USE_CATALOG)"),
    Action.CREATE_TABLE: (Kind.SCHEMA, MADE.format("CREATE_TABLE")),
    Action.SEE_TABLE: (Kind.TABLE, SEEN.format("SELECT or MODIFY")),
    Action.UPDATE_TABLE: (Kind.TABLE, OWNED),
    Action.DELETE_TABLE: (Kind.TABLE, DELETED),
    Action.COMMIT: (Kind.TABLE, READ.format("MODIFY")),
    Action.READ_COMMITS: (Kind.TABLE, READ.format("SELECT")),
    Action.READ_DATA: (Kind.TABLE, READ.format("SELECT")),
    Action.WRITE_DATA: (Kind.TABLE, READ.format("(SELECT and MODIFY)")),
    Action.CREATE_VOLUME: (Kind.SCHEMA, MADE.format("CREATE_VOLUME")),
    Action.SEE_VOLUME: (Kind.VOLUME, SEEN.format("READ_VOLUME")),
    Action.UPDATE_VOLUME: (Kind.VOLUME, OWNED),
    Action.DELETE_VOLUME: (Kind.VOLUME, DELETED),
    Action.READ_VOLUME: (Kind.VOLUME, READ.format("READ_VOLUME")),
    Action.WRITE_VOLUME: (Kind.VOLUME, OWNED),
    Action.CREATE_FUNCTION: (Kind.SCHEMA, f"{C} and {S}"),
    Action.SEE_FUNCTION: (Kind.FUNCTION, SEEN.format("EXECUTE")),
    Action.UPDATE_FUNCTION: (Kind.FUNCTION, OWNED),
    Action.DELETE_FUNCTION: (Kind.FUNCTION, f"MO or ({OWNED})"),
    Action.CREATE_MODEL: (Kind.SCHEMA, MADE.format("(CREATE_MODEL or CREATE_FUNCTION)")),
    Action.SEE_MODEL: (Kind.MODEL, SEEN.format("EXECUTE")),
    Action.UPDATE_MODEL: (Kind.MODEL, OWNED),
    Action.DELETE_MODEL: (Kind.MODEL, f"MO or {DELETED}"),
    Action.READ_MODEL: (Kind.MODEL, READ.format("EXECUTE")),
    Action.WRITE_MODEL: (Kind.MODEL, OWNED),
    Action.CREATE_CREDENTIAL: (Kind.METASTORE, "MO or CREATE_STORAGE_CREDENTIAL"),
    Action.SEE_CREDENTIAL: (Kind.CREDENTIAL, "MO or OWNER or CREATE_EXTERNAL_LOCATION"),
    Action.CHANGE_CREDENTIAL: (Kind.CREDENTIAL, "MO or OWNER"),
    Action.USE_CREDENTIAL: (Kind.CREDENTIAL, "MO or OWNER or CREATE_EXTERNAL_LOCATION"),
    Action.CREATE_LOCATION: (Kind.METASTORE, "MO or CREATE_EXTERNAL_LOCATION"),
    Action.SEE_LOCATION: (
        Kind.EXTERNAL_LOCATION,
        "MO or OWNER or READ_FILES or WRITE_FILES or CREATE_EXTERNAL_TABLE "
        "or CREATE_EXTERNAL_VOLUME or CREATE_MANAGED_STORAGE",
    ),
    Action.CHANGE_LOCATION: (Kind.EXTERNAL_LOCATION, "MO or OWNER"),
    Action.PLACE_TABLE: (Kind.EXTERNAL_LOCATION, "OWNER or CREATE_EXTERNAL_TABLE"),
    Action.PLACE_VOLUME: (Kind.EXTERNAL_LOCATION, "OWNER or CREATE_EXTERNAL_VOLUME"),
    Action.PLACE_STORAGE: (Kind.EXTERNAL_LOCATION, "OWNER or CREATE_MANAGED_STORAGE"),
    Action.READ_PATH: (Kind.EXTERNAL_LOCATION, "MO or READ_FILES"),
    Action.WRITE_PATH: (Kind.EXTERNAL_LOCATION, "MO or (READ_FILES and WRITE_FILES)"),
    Action.CREATE_TABLE_AT_PATH: (Kind.EXTERNAL_LOCATION, "MO or CREATE_EXTERNAL_TABLE"),
    Action.READ_PERMISSIONS: (Kind.TABLE, "MO or CO or SO or OWNER"),
    Action.CHANGE_PERMISSIONS: (Kind.TABLE, f"MO or {DELETED}"),
}
OWNERS = {"MO": Kind.METASTORE, "CO": Kind.CATALOG, "SO": Kind.SCHEMA}
NOBODY = Rights(frozenset({"ann"}), {})


def place_of(kind: Kind, owned: frozenset[str] = frozenset()) -> Place:
    """A place, where "ann" owns what is named and "somebody" all else."""
    path = []
    for level in (Kind.METASTORE, *LEVELS[kind]):
        mine = any(OWNERS.get(one) is level for one in owned)
        mine = mine or ("OWNER" in owned and level is kind)
        owner = "ann" if mine else "somebody"
        path.append(Securable(level.value, level, None, level.value, owner, 0, "", 0, ""))
    return Place(tuple(path))


def rights(granted: dict[Kind, set[str]]) -> Rights:
    return Rights(
        frozenset({"ann"}),
        {
            kind.value: frozenset(Privilege[name] for name in names)
            for kind, names in granted.items()
        },
    )


def combinations(expression: str) -> Iterator[frozenset[str]]:
    names = sorted(set(re.findall(r"[A-Z_]+", expression)))
    for chosen in itertools.product([False, True], repeat=len(names)):
        yield frozenset(name for name, there in zip(names, chosen, strict=True) if there)


def home_of(privilege: str, kind: Kind) -> Kind:
    """Where a test grants it: at the level it is named after, else on the thing itself."""
    return {"USE_CATALOG": Kind.CATALOG, "USE_SCHEMA": Kind.SCHEMA}.get(privilege, kind)


def test_each_action_has_a_rule_and_is_tested() -> None:
    assert set(RULES) == set(EXPECTED) == set(Action)


@pytest.mark.parametrize("action", Action, ids=lambda action: action.name)
def test_rules_allow_what_the_table_says_and_nothing_else(action: Action) -> None:
    kind, expression = EXPECTED[action]
    for held in combinations(expression):
        granted: dict[Kind, set[str]] = {}
        for name in held - {"MO", "CO", "SO", "OWNER"}:
            granted.setdefault(home_of(name, kind), set()).add(name)
        place, has = place_of(kind, held), rights(granted)
        names = {name: name in held for name in re.findall(r"[A-Z_]+", expression)}
        expected = eval(expression, {}, names)
        assert allowed(action, place, has) == expected, sorted(held)
        assert bool(missing(action, place, has)) != expected


@pytest.mark.parametrize("action", Action, ids=lambda action: action.name)
def test_who_has_nothing_may_nothing(action: Action) -> None:
    assert not allowed(action, place_of(EXPECTED[action][0]), NOBODY)


def test_ownership_is_not_inherited() -> None:
    for owned in (frozenset({"MO"}), frozenset({"CO"}), frozenset({"SO"})):
        place = place_of(Kind.TABLE, owned)
        uses = rights({Kind.CATALOG: {"USE_CATALOG"}, Kind.SCHEMA: {"USE_SCHEMA"}})
        assert not allowed(Action.READ_DATA, place, uses)
        assert not allowed(Action.COMMIT, place, uses)
        assert not allowed(Action.UPDATE_TABLE, place, uses)


def test_owning_a_thing_does_not_open_the_way_to_it() -> None:
    assert not allowed(Action.READ_DATA, place_of(Kind.TABLE, frozenset({"OWNER"})), NOBODY)


def test_the_metastores_owner_alone_cannot_delete_a_table() -> None:
    assert not allowed(Action.DELETE_TABLE, place_of(Kind.TABLE, frozenset({"MO"})), NOBODY)


def test_grants_on_the_metastore_go_nowhere() -> None:
    everything = rights({Kind.METASTORE: {privilege.name for privilege in Privilege}})
    for action, (kind, _) in EXPECTED.items():
        if kind is not Kind.METASTORE:
            assert not allowed(action, place_of(kind), everything), action


@pytest.mark.parametrize("level", [Kind.CATALOG, Kind.SCHEMA, Kind.TABLE])
def test_what_is_granted_above_counts_below(level: Kind) -> None:
    has = rights({Kind.CATALOG: {"USE_CATALOG", "USE_SCHEMA"}})
    more = Rights(
        has.names,
        {**has.grants, level.value: has.grants.get(level.value, frozenset()) | {Privilege.SELECT}},
    )
    assert not allowed(Action.READ_DATA, place_of(Kind.TABLE), has)
    assert allowed(Action.READ_DATA, place_of(Kind.TABLE), more)


def test_a_privilege_where_it_does_not_belong_means_nothing() -> None:
    has = rights({Kind.TABLE: {"USE_CATALOG", "USE_SCHEMA", "SELECT"}})
    assert not allowed(Action.SEE_TABLE, place_of(Kind.TABLE), has)


def test_a_group_owns_for_its_members() -> None:
    place = place_of(Kind.CATALOG)
    assert allowed(Action.UPDATE_CATALOG, place, Rights(frozenset({"ann", "somebody"}), {}))


@pytest.mark.parametrize("kind", [Kind.MODEL, Kind.EXTERNAL_LOCATION, Kind.CREDENTIAL])
def test_permissions_on_some_are_changed_by_two_owners_only(kind: Kind) -> None:
    for owners in (frozenset({"MO"}), frozenset({"OWNER"})):
        assert allowed(Action.CHANGE_PERMISSIONS, place_of(kind, owners), NOBODY)
    has = rights({Kind.CATALOG: {"USE_CATALOG", "USE_SCHEMA"}})
    assert not allowed(Action.CHANGE_PERMISSIONS, place_of(kind, frozenset({"CO", "SO"})), has)


def test_permissions_on_the_metastore_are_its_owners() -> None:
    assert allowed(Action.CHANGE_PERMISSIONS, place_of(Kind.METASTORE, frozenset({"MO"})), NOBODY)
    assert not allowed(Action.CHANGE_PERMISSIONS, place_of(Kind.METASTORE), NOBODY)


def test_a_models_versions_follow_the_model() -> None:
    place = place_of(Kind.MODEL_VERSION)
    has = rights(
        {Kind.CATALOG: {"USE_CATALOG"}, Kind.SCHEMA: {"USE_SCHEMA"}, Kind.MODEL: {"EXECUTE"}}
    )
    assert allowed(Action.READ_MODEL, place, has)
    assert not allowed(Action.UPDATE_MODEL, place, has)


def test_what_is_missing_is_the_least_and_rather_a_grant() -> None:
    place, uses = place_of(Kind.TABLE), {Kind.CATALOG: {"USE_CATALOG"}}
    assert missing(Action.READ_DATA, place, rights(uses)) == (
        "SELECT on table table",
        "USE SCHEMA on schema schema",
    )
    assert missing(Action.UPDATE_CATALOG, place_of(Kind.CATALOG), NOBODY) == (
        "ownership of catalog catalog",
    )
    assert missing(Action.CREATE_CATALOG, place_of(Kind.METASTORE), NOBODY) == (
        "CREATE CATALOG on metastore metastore",
    )
