"""What one server is told at its start: a JSON file, checked before anything is opened."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from spark_emulators.unity_catalog.names import check_name
from spark_platform.kernel.errors import InvalidInput

__all__ = ["CatalogSettings", "Settings"]


class _Strict(BaseModel):
    # The file holds storage keys, so a message about it must not quote it.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class CatalogSettings(_Strict):
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


class Settings(_Strict):
    """The whole server.

    Attributes:
        host: address to listen on.
        port: port to listen on; 0 takes a free one.
        database: path of the SQLite file.
        catalogs: the catalogs it serves.
        file_io: pyiceberg FileIO properties, for this server's own reads and writes only.
        client_properties: defaults every client is told, which its own win over; put no secret of
            the server here.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
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

    @classmethod
    def from_file(cls, path: Path) -> Settings:
        """Read settings from a JSON file.

        Raises:
            InvalidInput: names the file and every wrong field, but no value.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise InvalidInput(f"cannot read {path}: {error.strerror}") from error
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, problem['loc'])) or 'file'}: {problem['msg']}"
                for problem in error.errors(include_url=False, include_input=False)
            )
            raise InvalidInput(f"{path}: {problems}") from None
