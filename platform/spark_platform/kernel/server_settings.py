"""What a server is told at its start: a JSON file, checked before anything is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spark_platform.kernel.errors import InvalidInput

__all__ = ["Port", "ServerSettings", "Strict"]

S = TypeVar("S", bound="ServerSettings")
Port = Annotated[int, Field(ge=0, le=65535)]


class Strict(BaseModel):
    """A part of a settings file.

    Such a file holds keys, so a message about it does not quote it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ServerSettings(Strict):
    """What every server is told.

    Attributes:
        host: address to listen on.
        port: port to listen on; 0 takes a free one.
        certificate, key: files of TLS, PEM; None for plain HTTP.
    """

    host: str = "127.0.0.1"
    port: Port
    certificate: Path | None = None
    key: Path | None = None

    @classmethod
    def from_file(cls: type[S], path: Path) -> S:
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
