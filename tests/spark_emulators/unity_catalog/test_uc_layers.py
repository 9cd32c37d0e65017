"""The domain knows no HTTP: only the doors import a web library."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import spark_emulators.unity_catalog

PACKAGE = Path(spark_emulators.unity_catalog.__file__).parent
DOORS = {"app.py", "server.py", "__main__.py"}
DOMAIN = sorted(
    path
    for path in PACKAGE.rglob("*.py")
    if path.name not in DOORS and "wire" not in path.relative_to(PACKAGE).parts
)


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", DOMAIN, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_domain_imports_no_web_library(path: Path) -> None:
    web = ("starlette", "uvicorn", "spark_emulators.unity_catalog.wire")
    assert not [name for name in imported(path) if name.startswith(web)]
