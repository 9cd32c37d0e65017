"""What one server is told at its start."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator, model_validator
from typing_extensions import Self

from spark_emulators.unity_catalog.metastore.paths import outside_managed
from spark_emulators.unity_catalog.names import check_name
from spark_emulators.unity_catalog.system import SYSTEM
from spark_platform.kernel.errors import InvalidInput
from spark_platform.kernel.server_settings import Port, ServerSettings, Strict

__all__ = ["AuthorizationSettings", "CatalogSettings", "Settings", "VendingSettings"]

_DAY_S = 24 * 3600


class CatalogSettings(Strict):
    """One UC catalog, which clients name as their ``warehouse``.

    Attributes:
        name: 1-255 of ``[A-Za-z0-9_@-]``; not ``system``, which the server has by itself.
        storage_root: where tables go whose schema names no location of its own.
    """

    name: str
    storage_root: str

    @field_validator("name")
    @classmethod
    def _is_a_name(cls, name: str) -> str:
        if name == SYSTEM:
            raise ValueError(f"{SYSTEM} is the server's own catalog")
        try:
            return check_name("catalog", name)
        except InvalidInput as error:
            raise ValueError(error.message) from error

    @field_validator("storage_root")
    @classmethod
    def _is_a_place(cls, root: str) -> str:
        return _place(root)


class VendingSettings(Strict):
    """A store whose credentials are vended.

    Attributes:
        endpoint: URL of its STS; of local S3 servers, their own.
        access_key_id, secret_access_key: of who may assume the role.
        role_arn: the role that is assumed, narrowed to what is asked for.
        duration_s: how long what is vended holds, in seconds.
        delegation: whether answers about Iceberg tables hand credentials out: to nobody, to clients
            that ask by their header, or to all.
        properties: what goes with those, beside the region: ``s3.endpoint`` and the like, for
            clients that look nowhere else. It wins over what their users say.
    """

    endpoint: str
    access_key_id: SecretStr
    secret_access_key: SecretStr
    region: str = "us-east-1"
    role_arn: str = "arn:aws:iam::role/unity-catalog"
    duration_s: int = Field(default=3600, ge=900, le=43_200)
    delegation: Literal["never", "asked", "always"] = "asked"
    properties: dict[str, str] = Field(default_factory=dict)


class AuthorizationSettings(Strict):
    """Who is who, where that matters.

    Attributes:
        issuers: identity providers whose tokens are exchanged for this catalog's own: their URLs,
            as tokens name them, below which OpenID discovery is answered.
        audiences: whom those tokens must be for: one of these.
        token_lifetime_s: how long this catalog's tokens are good, in seconds.
        admin_token_file: where the first start leaves a token of ``admin`` that never expires, for
            its owner's eyes only; None for none.
        admin_token: a token of ``admin`` that was chosen beforehand, at least 32 random characters;
            None for none.
    """

    issuers: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    token_lifetime_s: int = Field(default=_DAY_S, gt=0)
    admin_token_file: Path | None = None
    admin_token: SecretStr | None = Field(default=None, min_length=32)

    @model_validator(mode="after")
    def _tokens_are_for_somebody(self) -> Self:
        if self.issuers and not self.audiences:
            raise ValueError("audiences are missing: tokens of the issuers must be for somebody")
        return self


class Settings(ServerSettings):
    """The whole server.

    Attributes:
        database: URL of SQLite or PostgreSQL; servers that share one are one catalog.
        storage_root: where what is in catalogs without a place of their own is stored; None for
            nowhere: who makes such a catalog must then name a place for each table.
        catalogs: made where the database lacks them.
        file_io: pyiceberg FileIO properties, for this server's own reads and writes only.
        vending: the store that clients get credentials for; None for none.
        region: where the metastore says it is.
        client_properties: defaults every client is told, which its own win over; put no secret of
            the server here.
        authorization: None where everybody is ``admin`` and may do everything.
    """

    port: Port = 8080
    database: str
    storage_root: str | None = None
    catalogs: tuple[CatalogSettings, ...] = Field(min_length=1)
    file_io: dict[str, SecretStr] = Field(default_factory=dict)
    vending: VendingSettings | None = None
    region: str = "us-east-1"
    client_properties: dict[str, str] = Field(default_factory=dict)
    authorization: AuthorizationSettings | None = None

    @field_validator("storage_root")
    @classmethod
    def _is_a_place(cls, root: str | None) -> str | None:
        return None if root is None else _place(root)

    @field_validator("catalogs")
    @classmethod
    def _names_are_unique(
        cls, catalogs: tuple[CatalogSettings, ...]
    ) -> tuple[CatalogSettings, ...]:
        if len({catalog.name for catalog in catalogs}) < len(catalogs):
            raise ValueError("two catalogs have the same name")
        return catalogs


def _place(root: str) -> str:
    try:
        return outside_managed(root, "storage_root")
    except InvalidInput as error:
        raise ValueError(error.message) from error
