"""One server's access control: its parts, put together for the doors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from spark_emulators.unity_catalog.access.guard import OPEN, Guard, Guarded
from spark_emulators.unity_catalog.access.issuers import Issuers
from spark_emulators.unity_catalog.access.login import Login
from spark_emulators.unity_catalog.access.permissions import Permissions
from spark_emulators.unity_catalog.access.rules import Action
from spark_emulators.unity_catalog.access.tokens import Tokens
from spark_emulators.unity_catalog.acting import ADMIN
from spark_emulators.unity_catalog.securables import Place
from spark_emulators.unity_catalog.settings import AuthorizationSettings
from spark_emulators.unity_catalog.store.grants import Grants
from spark_emulators.unity_catalog.store.keys import Keys
from spark_emulators.unity_catalog.store.principals import Principals
from spark_emulators.unity_catalog.store.securables import Securables
from spark_platform.kernel.errors import Missing, PlatformError
from spark_platform.kernel.files import write_atomically

__all__ = ["Access"]


@dataclass(frozen=True)
class Access:
    """Who is who and may do what."""

    metastore: Place
    principals: Principals
    permissions: Permissions
    login: Login
    guard: Guard

    @classmethod
    def build(
        cls, settings: AuthorizationSettings | None, engine: Engine, securables: Securables
    ) -> Access:
        """Access control on a database.

        Principals, grants and tokens can be had in any case. They decide nothing without settings.

        Raises:
            Missing: the file for the admin's token cannot be written.
        """
        principals, grants = Principals(engine), Grants(engine)
        guard: Guard = OPEN if settings is None else Guarded(grants)
        chosen = settings or AuthorizationSettings()
        tokens = Tokens(Keys(engine).get, chosen.token_lifetime_s)
        if chosen.admin_token_file is not None:
            _leave_admin_token(chosen.admin_token_file, tokens)
        chosen_token = chosen.admin_token.get_secret_value() if chosen.admin_token else ""
        issuers = Issuers(chosen.issuers, chosen.audiences)
        return cls(
            Place((securables.metastore,)),
            principals,
            Permissions(securables, grants, guard),
            Login(principals, tokens, issuers, chosen_token),
            guard,
        )

    def check_owner(self) -> None:
        """Raise Forbidden unless whoever acts owns the metastore."""
        self.guard.require(Action.ADMINISTER, self.metastore)


def _leave_admin_token(file: Path, tokens: Tokens) -> None:
    try:
        if not _is_good(file, tokens):
            write_atomically(file, tokens.issue_for_ever(ADMIN))
    except OSError as error:
        raise Missing(f"cannot write the admin's token to {file}: {error.strerror}") from error


def _is_good(file: Path, tokens: Tokens) -> bool:
    """Whether an earlier start left a token that is still good: no start makes one more."""
    try:
        return tokens.verify(file.read_text().strip()) == ADMIN
    except (FileNotFoundError, UnicodeDecodeError, PlatformError):
        return False
