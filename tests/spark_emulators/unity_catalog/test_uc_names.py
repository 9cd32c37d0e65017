"""Names and pages: the rules, over wide inputs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_emulators.unity_catalog.names import (
    NAMESPACE_SEPARATOR,
    TableName,
    check_name,
    decode_namespace,
    one_level,
)
from spark_emulators.unity_catalog.wire.iceberg.paging import page_request, page_token
from spark_platform.kernel.errors import InvalidInput

ALLOWED = st.text(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@-", min_size=1, max_size=255
)


@given(ALLOWED)
def test_every_name_of_allowed_characters_is_a_name(name: str) -> None:
    assert check_name("table", name) == name


@given(st.text(max_size=300))
def test_a_name_is_refused_exactly_if_it_breaks_the_rule(name: str) -> None:
    fine = 1 <= len(name) <= 255 and all(c.isascii() and (c.isalnum() or c in "_@-") for c in name)
    try:
        check_name("table", name)
    except InvalidInput:
        assert not fine
    else:
        assert fine


@given(st.lists(st.text().filter(lambda level: NAMESPACE_SEPARATOR not in level), min_size=1))
def test_levels_survive_joining_and_decoding(levels: list[str]) -> None:
    assert decode_namespace(NAMESPACE_SEPARATOR.join(levels)) == tuple(levels)


@pytest.mark.parametrize("levels", [[], ["a", "b"]])
def test_a_namespace_has_one_level(levels: list[str]) -> None:
    with pytest.raises(InvalidInput, match="one level"):
        one_level(levels)


def test_a_table_name_is_checked_in_all_its_parts() -> None:
    with pytest.raises(InvalidInput, match="namespace name"):
        TableName("c", "a.b", "t").checked()
    with pytest.raises(InvalidInput, match="table name"):
        TableName("c", "s", "t t").checked()


@given(st.lists(st.text(min_size=1), unique=True), st.integers(1, 7))
def test_pages_together_are_the_whole_list(names: list[str], size: int) -> None:
    names = sorted(names)
    served: list[str] = []
    token: str | None = ""
    while token is not None:
        request = page_request({"pageToken": token, "pageSize": str(size)})
        rest = [name for name in names if name > request.after]
        page = request.cut(rest[: request.limit], str)
        assert len(page.items) <= size
        served += page.items
        token = page_token(page.last)
    assert served == names


@given(st.lists(st.text(min_size=1), unique=True), st.none() | st.just("2"))
def test_without_a_token_a_list_is_one_page(names: list[str], size: str | None) -> None:
    request = page_request({} if size is None else {"pageSize": size})
    assert request.limit is None
    page = request.cut(names, str)
    assert (page.items, page.last) == (names, None)


@given(st.text(), st.text())
def test_any_token_and_size_is_understood_or_refused(token: str, size: str) -> None:
    try:
        request = page_request({"pageToken": token, "pageSize": size})
    except InvalidInput:
        return
    assert request.size is not None
    assert request.size >= 1
