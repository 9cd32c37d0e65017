"""What tests may do to a stack's Unity Catalog: have it fail, and have it be as it was.

Each method that begins a fault returns it; it lasts until it is removed, or as a block::

    control = CatalogControl(unity_catalog.uri)
    with control.conflicts(times=2):
        …
    seeded = control.snapshot()
    …
    control.restore(seeded)

Which requests a fault means is said by ``methods`` and ``path``, a pattern such as ``*/tables/*``.
"""

from __future__ import annotations

from typing import Any

from spark_testkit.catalog_http import CatalogHttp
from spark_testkit.fault import Fault, Faulty

__all__ = ["CatalogControl"]

_DOOR = "/emulator"
_COMMITS = "*/iceberg*/*/tables/*"


class CatalogControl(Faulty):
    """The tests' own door of one catalog.

    Args:
        uri: the catalog's root (``UNITY_CATALOG_URI``).
        token: of the metastore's owner, where the catalog asks who one is.
    """

    def __init__(self, uri: str, token: str = "") -> None:
        self._http = CatalogHttp(uri, token)

    def fault(self, effect: str, **fields: Any) -> Fault:
        """Any fault that the catalog knows.

        Args:
            effect: ``refuse`` or ``delay``.
            fields: ``methods``, ``path``, ``times`` (how many requests it hits; without it all),
                and of the effects ``code``, ``message``, ``delay_s``.

        Raises:
            InvalidInput: the catalog knows no such field or value.
            Missing: there is no catalog.
        """
        return self._begin(effect, fields)

    def refuse(self, code: int, path: str = "", **fields: Any) -> Fault:
        """Answer with an error, in the words of the API that is asked."""
        return self.fault("refuse", code=code, path=path, **fields)

    def errors(self, path: str = "", **fields: Any) -> Fault:
        """500: an error of the server's own. After a commit, its writer cannot know what it did."""
        return self.refuse(500, path, **fields)

    def throttle(self, path: str = "", **fields: Any) -> Fault:
        """429: too many requests."""
        return self.refuse(429, path, **fields)

    def conflicts(self, path: str = _COMMITS, **fields: Any) -> Fault:
        """409 for commits to Iceberg tables, as if somebody else had been faster."""
        return self.refuse(409, path, methods=("POST",), **fields)

    def expired_tokens(self, path: str = "", **fields: Any) -> Fault:
        """401: the token was good, until now."""
        return self.refuse(401, path, message="token expired", **fields)

    def slow(self, delay_s: float, path: str = "", **fields: Any) -> Fault:
        """Answer later."""
        return self.fault("delay", delay_s=delay_s, path=path, **fields)

    def snapshot(self) -> str:
        """Keep the whole catalog aside, files excepted, as long as its server runs.

        Returns:
            What to restore it by.
        """
        id: str = self._call("POST", "/snapshots")["id"]
        return id

    def restore(self, snapshot: str) -> None:
        """Have exactly what there was.

        Raises:
            NotFound: there is no such snapshot.
        """
        self._call("POST", f"/snapshots/{snapshot}/restore")

    def forget(self, snapshot: str) -> None:
        """Let go of a snapshot; one that is not there is no error."""
        self._call("DELETE", f"/snapshots/{snapshot}")

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return self._http.ask(method, _DOOR + path, body)
