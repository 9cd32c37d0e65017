"""Whatever a client sends to APIs that publish no OpenAPI, it is refused as their vendors do.

Nothing fails, nothing is logged as an error, and what was refused has changed nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from catalog_nonsense import (
    bodies,
    encoded,
    iceberg,
    media,
    methods,
    nearly,
    others,
    paths,
    queries,
)
from hypothesis import given
from nonsense import asked
from seeded_catalogs import Seeded

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def config(config: dict[str, Any], database: str) -> dict[str, Any]:
    """On each database: they do not hold the same text."""
    return {**config, "database": database}


@pytest.fixture
def sound(seeded: Seeded, caplog: pytest.LogCaptureFixture) -> Iterator[Seeded]:
    """The catalog; meanwhile nothing is logged as an error."""
    with caplog.at_level(logging.WARNING):
        yield seeded
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


def test_requests_that_are_sound_are_served(sound: Seeded) -> None:
    requests = [*iceberg(sound), *others(sound)]
    answers = [sound.ask(path, method, path, json=body) for method, path, body in requests]
    assert [(one.url.path, one.text) for one in answers if not one.is_success] == []


@pytest.mark.parametrize(("sound_of", "times"), [(iceberg, 400), (others, 150)])
def test_requests_that_are_nearly_sound_are_answered(
    sound: Seeded, sound_of: Callable[[Seeded], list[Any]], times: int
) -> None:
    @asked(times)
    @given(nearly(sound_of(sound)))
    def ask(request: tuple[str, str, Any]) -> None:
        method, path, body = request
        sound.ask(path, method, path, content=encoded(body), headers=JSON)

    ask()
    assert set.union(*sound.seen.values()) >= {200, 400}


def test_requests_that_are_anything_are_answered(sound: Seeded) -> None:
    @asked(400)
    @given(methods, paths(), queries, media, bodies)
    def ask(method: str, path: str, query: dict[str, str], media: str, body: bytes) -> None:
        content = None if method in ("GET", "HEAD", "TRACE") else body
        headers = {"Content-Type": media}
        sound.ask(method, method, path, params=query, content=content, headers=headers)

    ask()
    assert set.union(*sound.seen.values()) >= {200, 400}
