"""DuckDB with extensions that come as packages: its own repository of them is not asked."""

import importlib.util
import tempfile
from pathlib import Path

import duckdb


def duckdb_with(*extensions: str) -> duckdb.DuckDBPyConnection:
    """A database in memory."""
    connection = duckdb.connect(
        config={
            "extension_directory": tempfile.mkdtemp(),
            "autoinstall_known_extensions": "false",
        }
    )
    for name in extensions:
        package = importlib.util.find_spec(f"duckdb_extension_{name}")
        [file] = Path(package.origin).parent.rglob(f"{name}.duckdb_extension")
        connection.execute(f"INSTALL '{file}'")
        connection.execute(f"LOAD {name}")
    return connection
