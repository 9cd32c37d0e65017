"""What one server is told at its start."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr, field_validator

from spark_emulators.unity_catalog.names import check_name
from spark_platform.kernel.errors import InvalidInput
from spark_platform.kernel.server_settings import Port, ServerSettings, Strict

__all__ = ["CatalogSettings", "Settings"]


class CatalogSettings(Strict):
    """One UC catalog, which clients name as their ``warehouse``.

    Attributes:
        name: 1-255 of ``[A-Za-z0-9_@-]``.
        storage_root: where tables go whose schema names no location of its own.
    """

    name: str
    storage_root: str

    @field_validator("name")
    @classmethod
    def _is_a_name(cls, name: str) -> str:
        try:
            return check_name("catalog", name)
        except InvalidInput as error:
            raise ValueError(error.message) from error

    @field_validator("storage_root")
    @classmethod
    def _has_no_final_slash(cls, root: str) -> str:
        return root.rstrip("/")


class Settings(ServerSettings):
    """The whole server.

    Attributes:
        database: path of the SQLite file.
        catalogs: the catalogs it serves.
        file_io: pyiceberg FileIO properties, for this server's own reads and writes only.
        client_properties: defaults every client is told, which its own win over; put no secret of
            the server here.
    """

    port: Port = 8080
    database: Path
    catalogs: tuple[CatalogSettings, ...] = Field(min_length=1)
    file_io: dict[str, SecretStr] = Field(default_factory=dict)
    client_properties: dict[str, str] = Field(default_factory=dict)

    @field_validator("catalogs")
    @classmethod
    def _names_are_unique(
        cls, catalogs: tuple[CatalogSettings, ...]
    ) -> tuple[CatalogSettings, ...]:
        if len({catalog.name for catalog in catalogs}) < len(catalogs):
            raise ValueError("two catalogs have the same name")
        return catalogs
