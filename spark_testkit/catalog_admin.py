"""What the owner of a catalog does: says who there is, and what they may do.

For stacks whose catalog asks who one is (``spark-testkit up --auth``)::

    admin = CatalogAdmin(unity_catalog.uri, unity_catalog.token)
    reader = admin.service_principal("reader")
    admin.grant("unity", "reader", "USE CATALOG", "USE SCHEMA")
    admin.grant("unity.sales.orders", "reader", "SELECT")
    spark.conf.set("spark.sql.catalog.unity.token", reader)
"""

from __future__ import annotations

import contextlib
from urllib.parse import quote

from spark_platform.kernel.errors import Conflict, InvalidInput
from spark_testkit.catalog_http import CatalogHttp

__all__ = ["CatalogAdmin"]

_UC = "/api/2.1/unity-catalog"
_PRINCIPALS = "/api/2.0/preview/scim/v2/ServicePrincipals"
_SECRETS = "/api/2.0/accounts/servicePrincipals/{id}/credentials/secrets"
_KINDS = ("catalog", "schema", "table")


class CatalogAdmin:
    """The metastore's owner.

    Args:
        uri: the catalog's root (``UNITY_CATALOG_URI``).
        token: the owner's (``UNITY_CATALOG_TOKEN``).
    """

    def __init__(self, uri: str, token: str = "") -> None:
        self._http = CatalogHttp(uri, token)

    def service_principal(self, name: str) -> str:
        """A token of the service principal of this name, made where there is none.

        Its secret is a new one: whoever had one before needs another.

        Raises:
            InvalidInput: the name is not allowed.
            Conflict: a user or a group has it.
        """
        found = self._found(name)
        if not found:
            body = {"applicationId": name, "displayName": name}
            with contextlib.suppress(Conflict):
                self._http.ask("POST", _PRINCIPALS, body)
            found = self._found(name)
        if not found:
            raise Conflict(
                f"principal {name!r} is no service principal", hint="choose another name"
            )
        secret = self._http.ask("POST", _SECRETS.format(id=found))["secret"]
        return self._http.token_of(name, secret)

    def create_schema(self, name: str) -> None:
        """Have a schema, ``catalog.schema``; one that is there is left alone.

        Raises:
            InvalidInput: the name is not allowed.
            NotFound: there is no such catalog.
        """
        catalog, _, schema = name.partition(".")
        with contextlib.suppress(Conflict):
            body = {"name": schema, "catalog_name": catalog}
            self._http.ask("POST", f"{_UC}/schemas", body)

    def grant(self, name: str, principal: str, *privileges: str, kind: str = "") -> None:
        """Let a principal do something.

        Args:
            name: of what: ``catalog``, ``catalog.schema`` or ``catalog.schema.table``.
            privileges: such as ``USE SCHEMA``.
            kind: of what it is, where that is not told by the parts of its name: ``volume``,
                ``function``, ``registered_model``, ``external_location`` …

        Raises:
            InvalidInput: a privilege, kind or name that is none.
            NotFound: there is no such thing, or no such principal.
        """
        parts = name.count(".")
        if not kind and parts >= len(_KINDS):
            raise InvalidInput(
                f"name {name!r} has {parts + 1} parts", hint="catalog, catalog.schema or a table"
            )
        path = f"{_UC}/permissions/{kind or _KINDS[parts]}/{quote(name, safe='')}"
        change = {"principal": principal, "add": list(privileges)}
        self._http.ask("PATCH", path, {"changes": [change]})

    def _found(self, name: str) -> str:
        """The id of a service principal; empty for none."""
        asked = quote(f'applicationId eq "{name}"', safe="")
        found = self._http.ask("GET", f"{_PRINCIPALS}?filter={asked}").get("Resources", [])
        return found[0]["id"] if found else ""
