"""What the catalog publishes of itself holds, whatever a client makes of it (schemathesis)."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import given
from hypothesis import strategies as some
from nonsense import asked
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from seeded_catalogs import IN_SCHEMA, SERVER, Seeded

from spark_emulators.unity_catalog.paths import UNITY_CATALOG

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
]
# what is there, by the collection in a path
THERE = {
    "catalogs": "unity",
    "schemas": "unity.s",
    "tables": "unity.s.t",
    "volumes": "unity.s.v",
    "functions": "unity.s.f",
    "models": "unity.s.m",
    "credentials": "k",
    "storage-credentials": "k",
    "external-locations": "l",
}
FITTING = {
    **IN_SCHEMA,
    "model_name": "m",
    "credential_name": "k",
    "owner": "ada",
    "name": "new",
    "new_name": "newer",
    "alias": "best",
    "version": 1,
    "version_num": 1,
    "table_type": "EXTERNAL",
    "data_source_format": "CSV",
    "full_name": "unity.s.m",
    "operation": "READ_MODEL_VERSION",
    "max_results": 1,
}


def operations(seeded: Seeded, base: str) -> list[Any]:
    document = seeded.http.request("GET", f"{SERVER}{base}/openapi.json").json()
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=SERVER + base)
    return [each.ok() for each in schema.get_all_operations()]


def fitting(seeded: Seeded, path: str) -> dict[str, Any]:
    """What makes a request meet what is there, by the name of the argument or field."""
    there = THERE.get(path.split("/")[1])
    return {
        **FITTING,
        **({"full_name": there, "name": there} if there and "{" in path else {}),
        "id": seeded.ids["metastore"],
        "table_id": seeded.ids["d" if "delta" in path else "t"],
        "table_uri": seeded.delta,
        "volume_id": seeded.ids["v"],
        "storage_location": f"{seeded.root}/x/new",
        "url": f"{seeded.root}/{'y' if 'locations' in path else 'x/new'}",
        "storage_root": f"{seeded.root}/new",
    }


def dressed(value: Any, fitting: dict[str, Any], draw: Any) -> Any:
    """A value some of whose parts fit."""
    if isinstance(value, list):
        return [dressed(one, fitting, draw) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: fitting[key]
        if key in fitting and not isinstance(one, dict | list) and draw(some.integers(0, 4))
        else dressed(one, fitting, draw)
        for key, one in value.items()
    }


def can_be_wrong(operation: Any) -> bool:
    """Whether it takes more than text in its path."""
    taken = operation.definition.raw
    return "requestBody" in taken or any(
        one["in"] != "path" or one["schema"].get("type") != "string"
        for one in taken.get("parameters", ())
    )


@pytest.mark.parametrize(("base", "least"), [(UNITY_CATALOG, 50), ("/emulator", 4)])
def test_what_is_asked_as_published_is_answered_so(seeded: Seeded, base: str, least: int) -> None:
    for operation in operations(seeded, base):
        _ask(seeded, base, operation, GenerationMode.POSITIVE)
    # for the rest, values made at random do not fit together
    assert sum(200 in seen for seen in seeded.seen.values()) >= least, seeded.seen


@pytest.mark.parametrize(("base", "least"), [(UNITY_CATALOG, 45), ("/emulator", 2)])
def test_what_is_asked_otherwise_is_refused_so(seeded: Seeded, base: str, least: int) -> None:
    for operation in filter(can_be_wrong, operations(seeded, base)):
        _ask(seeded, base, operation, GenerationMode.NEGATIVE)
    assert sum(400 in seen for seen in seeded.seen.values()) >= least, seeded.seen


def _ask(seeded: Seeded, base: str, operation: Any, mode: GenerationMode) -> None:
    fits = fitting(seeded, operation.path)
    in_path = {key: str(value) for key, value in fits.items()}
    is_wrong = mode is GenerationMode.NEGATIVE

    @asked(8)
    @given(operation.as_strategy(generation_mode=mode), some.data())
    def ask(case: Any, data: Any) -> None:
        case.path_parameters = dressed(case.path_parameters, in_path, data.draw)
        if not is_wrong:
            case.query = dressed(case.query, fits, data.draw)
            case.body = dressed(case.body, fits, data.draw)
        sent = requests.Request(**case.as_transport_kwargs(base_url=SERVER + base)).prepare()
        assert sent.url is not None
        answer = seeded.ask(
            operation.label,
            str(sent.method),
            sent.url.removeprefix(SERVER),
            content=sent.body,
            headers=dict(sent.headers),
        )
        case.validate_response(answer, [*CHECKS, *([negative_data_rejection] * is_wrong)])

    ask()
