"""What a kind does of its own when it is written. The table is filled by ``api.kinds``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spark_emulators.kubernetes.api import names
from spark_emulators.kubernetes.errors import Cause
from spark_emulators.kubernetes.store.store import Object

if TYPE_CHECKING:
    from spark_emulators.kubernetes.api.context import Context

__all__ = ["STRATEGIES", "Strategy"]


class Strategy:
    """A kind without peculiarities; the others override what differs.

    Attributes:
        counts_generations: ``metadata.generation`` is kept.
        has_status: ``status`` is written through its subresource only.
        unconditional: an update without resourceVersion overwrites whatever there is.
        creates_on_update: a PUT of an absent object makes it.
        answers_object: a finished deletion is answered with the object, not with a Status.
    """

    counts_generations = False
    has_status = False
    unconditional = True
    creates_on_update = False
    answers_object = False

    def name_faults(self, name: str) -> list[str]:
        """What is wrong with a name."""
        return names.subdomain(name)

    def default(self, value: Object) -> None:
        """Fill in what the writer left out."""

    def prepare_create(self, value: Object, context: Context) -> None:
        """Set what only the server may set."""
        if self.has_status:
            value.pop("status", None)

    def prepare_update(self, value: Object, old: Object, context: Context) -> None:
        """Keep what an update may not touch."""
        if self.has_status:
            _keep(value, old, "status")

    def prepare_status(self, value: Object, old: Object) -> None:
        """Of a status update keep the status only."""
        status = value.get("status")
        metadata = value["metadata"]
        value.clear()
        value.update(old)
        value["metadata"] = {
            **old["metadata"],
            **{key: metadata[key] for key in ("managedFields",) if key in metadata},
        }
        if status is None:
            value.pop("status", None)
        else:
            value["status"] = status

    def validate(self, value: Object) -> list[Cause]:
        """The faults of an object, besides its metadata's."""
        return []

    def validate_update(self, value: Object, old: Object) -> list[Cause]:
        """The faults of a change."""
        return []

    def counted(self, value: Object) -> Any:
        """What a new generation is counted for."""
        return value.get("spec")

    def before_delete(self, value: Object, context: Context) -> None:
        """Refuse a deletion by raising."""

    def prepare_delete(self, value: Object) -> None:
        """Note on an object that it is being deleted."""

    def grace_s(self, value: Object, asked: int | None) -> int | None:
        """Seconds between a deletion's mark and its end; None for kinds that go at once."""
        return None

    def fields(self, value: Object) -> dict[str, str]:
        """What field selectors may ask for, besides metadata's name and namespace."""
        return {}


def _keep(value: Object, old: Object, name: str) -> None:
    if name in old:
        value[name] = old[name]
    else:
        value.pop(name, None)


STRATEGIES: dict[str, Strategy] = {}
"""By group resource. Read once, when a registry is made."""
