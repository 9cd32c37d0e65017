"""Names of privileges and of kinds: both vendors' spellings, and what is wrong with others."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_emulators.unity_catalog.access.privileges import (
    COUNTS_ON,
    Privilege,
    kind_of,
    privilege_of,
)
from spark_emulators.unity_catalog.securables import Kind
from spark_platform.kernel.errors import InvalidInput


def test_there_are_nineteen_and_each_counts_somewhere() -> None:
    assert len(Privilege) == 19
    assert set(COUNTS_ON) == set(Privilege)
    assert all(COUNTS_ON.values())


@pytest.mark.parametrize("privilege", Privilege)
def test_both_spellings_are_understood(privilege: Privilege) -> None:
    assert privilege_of(privilege.value) is privilege
    assert privilege_of(privilege.value.replace(" ", "_")) is privilege


@pytest.mark.parametrize(
    ("typo", "nearest"),
    [("SELCT", "SELECT"), ("USECATALOG", "USE_CATALOG"), ("select", "SELECT"), ("MODFY", "MODIFY")],
)
def test_a_typo_is_told_the_nearest(typo: str, nearest: str) -> None:
    with pytest.raises(InvalidInput, match=f"'{typo}' is unknown; the nearest is {nearest}"):
        privilege_of(typo)


@pytest.mark.parametrize("name", ["MANAGE", "ALL_PRIVILEGES", "ALL PRIVILEGES", "BROWSE"])
def test_what_only_databricks_has_is_refused_as_such(name: str) -> None:
    with pytest.raises(InvalidInput, match="Databricks' own"):
        privilege_of(name)


@given(st.text(max_size=2000))
def test_any_other_text_is_bad_input(text: str) -> None:
    for read in (privilege_of, kind_of):
        with suppress(InvalidInput):
            read(text)


def test_a_long_name_is_not_quoted_whole() -> None:
    with pytest.raises(InvalidInput) as caught:
        privilege_of("SELECT" * 1000)
    assert len(caught.value.message) < 200


@pytest.mark.parametrize(
    ("segment", "kind"),
    [
        ("table", Kind.TABLE),
        ("CATALOG", Kind.CATALOG),
        ("Registered_Model", Kind.MODEL),
        ("STORAGE_CREDENTIAL", Kind.CREDENTIAL),
        ("metastore", Kind.METASTORE),
    ],
)
def test_kinds_are_read_in_any_case(segment: str, kind: Kind) -> None:
    assert kind_of(segment) is kind


def test_a_model_version_has_no_permissions_of_its_own() -> None:
    with pytest.raises(InvalidInput, match="is unknown"):
        kind_of("model_version")
