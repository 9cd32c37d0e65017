"""Events as the real listener of Spark 4.1 sent them, and a catalog that is a dictionary."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from database_fixtures import database, postgresql  # noqa: F401

CAPTURED = Path(__file__).with_name("openlineage_spark_1.53.0.jsonl")


@dataclass
class DictCatalog:
    """Tables by their location."""

    tables: dict[str, str] = field(default_factory=dict)
    catalogs: tuple[str, ...] = ("unity",)

    def table_at(self, location: str) -> str | None:
        return self.tables.get(location)

    def serves(self, catalog: str) -> bool:
        return catalog in self.catalogs

    def exists(self, full_name: str) -> bool:
        return full_name in self.tables.values()


@pytest.fixture
def catalog() -> DictCatalog:
    return DictCatalog()


@pytest.fixture
def captured() -> list[dict[str, Any]]:
    """CTAS of a join with a filter (two runs), a write to a path, CTAS from it, a MERGE."""
    return [json.loads(line) for line in CAPTURED.read_text().splitlines()]
