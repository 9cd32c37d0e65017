"""Which locations are allowed: what is checked is what would be opened."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyiceberg.io.pyarrow import PyArrowFileIO

from spark_emulators.unity_catalog.locations import Locations
from spark_platform.kernel.errors import InvalidInput


def allows(locations: Locations, location: str) -> bool:
    try:
        locations.check(location)
    except InvalidInput:
        return False
    return True


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with a folder, links out of it, and a link from outside into it."""
    folder = tmp_path_factory.mktemp("locations").resolve()
    (folder / "warehouse" / "s").mkdir(parents=True)
    (folder / "warehouse-2").mkdir()
    (folder / "warehouse" / "up").symlink_to("..")
    (folder / "warehouse" / "out").symlink_to(folder / "warehouse-2")
    (folder / "in").symlink_to(folder / "warehouse" / "s")
    return folder


@pytest.fixture(scope="module")
def local(folder: Path) -> Locations:
    return Locations([f"file://{folder}/warehouse"])


@pytest.fixture
def in_the_warehouse(folder: Path) -> Iterator[None]:
    """Work in the warehouse, where a path that is relative after all would lead."""
    before = os.getcwd()
    os.chdir(folder / "warehouse")
    yield
    os.chdir(before)


@pytest.mark.parametrize(
    "location",
    [
        "file://{}/warehouse",
        "file://{}/warehouse/s/t",
        "file:{}/warehouse/s/t",
        "file:///{}/warehouse/s/t",
        "FILE://{}/warehouse/s/t",
        "{}/warehouse/s/t",
        "{}/warehouse/./s//t/",
        "file://{}/in/t",
        "file://{}/warehouse/%2e%2e/t",
        "{}/warehouse/a b?c#d",
        "file://{}/warehouse/...",
    ],
)
def test_below_the_root_is_allowed(local: Locations, folder: Path, location: str) -> None:
    assert allows(local, location.format(folder))


@pytest.mark.parametrize(
    "location",
    [
        "file://{}",
        "file://{}/warehouse-2/t",
        "{}/warehouse-2/t",
        "file:///etc/passwd",
        "file://{}/warehouse/../warehouse-2/t",
        "file://{}/warehouse/s/../t",
        "{}/in/../t",
        "{}/warehouse/a?/../../t",
        "file://{}/warehouse/up/t",
        "file://{}/warehouse/out/t",
        "file://{}%2fwarehouse/t",
        "file://localhost{}/warehouse/t",
        " {}/warehouse/t",
        "file://{}/warehouse/\0",
        "file://{}/warehouse/\ud800",
    ],
)
def test_all_else_is_refused(local: Locations, folder: Path, location: str) -> None:
    with pytest.raises(InvalidInput, match="is outside this catalog's storage: file://"):
        local.check(location.format(folder))


@pytest.mark.usefixtures("in_the_warehouse")
@pytest.mark.parametrize(
    "location", ["", "s/t", "./s/t", "file:s/t", "file://s/t", "file:", "//s/t", "warehouse:s/t"]
)
def test_a_location_that_is_not_absolute_is_refused(local: Locations, location: str) -> None:
    assert not allows(local, location)


@pytest.mark.parametrize(
    "location", ["s3://unity/t", "hdfs://host/t", "http://host/t", "http://[", "C:/t", "data:,t"]
)
def test_another_scheme_is_refused(local: Locations, location: str) -> None:
    assert not allows(local, location)


def test_a_store_is_known_by_its_scheme() -> None:
    store = Locations(["s3://unity"])
    assert allows(store, "s3://unity/t")
    assert allows(store, "s3a://other/t")
    for elsewhere in ("file:///etc/passwd", "/etc/passwd", "gs://unity/t"):
        assert not allows(store, elsewhere)


def test_each_catalogs_root_counts(folder: Path) -> None:
    both = Locations([f"file://{folder}/warehouse", "s3://unity"])
    assert allows(both, f"{folder}/warehouse/t")
    assert allows(both, "s3://unity/t")
    assert not allows(both, f"{folder}/warehouse-2/t")


@pytest.mark.parametrize(
    "root", ["warehouse", "file:", "file://host/warehouse", "/w/../x", "s3://["]
)
def test_a_root_that_is_no_place_is_named(root: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Locations([root])
    assert f"storage_root {root!r}" in caught.value.message
    assert "file:///folder" in caught.value.hint


PREFIXES = ("file://", "file:", "file:///", "file://host", "FILE://", "", "/", " ", "\t", "s3://")
SEGMENTS = (
    *("warehouse", "warehouse-2", "s", "t", "up", "out", "in", "", ".", "..", "...", "%2e%2e"),
    *("..\t", "\n..", "%2f", "a?", "#", "?..", "..;", ";..", "\\..", "~", "*", "\0", "ä"),
)


@given(
    prefix=st.sampled_from(PREFIXES),
    rooted=st.booleans(),
    segments=st.lists(st.one_of(st.sampled_from(SEGMENTS), st.text(max_size=3)), max_size=6),
)
@example(prefix="", rooted=True, segments=["in", "..", "t"])
@example(prefix="", rooted=True, segments=["warehouse", "a?", "..", "..", "t"])
def test_what_is_allowed_is_opened_below_the_root(
    local: Locations, folder: Path, prefix: str, rooted: bool, segments: list[str]
) -> None:
    location = prefix + "/".join([str(folder), *segments] if rooted else segments)
    if allows(local, location):
        scheme, _, path = PyArrowFileIO.parse_location(location)
        assert scheme == "file"
        assert ".." not in path.split("/")
        assert Path(os.path.realpath(path)).is_relative_to(folder / "warehouse")


NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0?#", exclude_categories=["C"]), min_size=1
).filter(lambda name: name not in (".", ".."))


@given(st.lists(NAMES, min_size=1, max_size=4))
def test_whatever_a_folder_below_the_root_is_called_it_is_allowed(
    local: Locations, folder: Path, names: list[str]
) -> None:
    assert allows(local, f"file://{folder}/warehouse/t/{'/'.join(names)}")
