"""Who asks, and how: what the verbs are told besides the object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from spark_emulators.kubernetes.api.selectors import FieldRequirement, LabelRequirement
from spark_emulators.kubernetes.store.store import Object

__all__ = ["SYSTEM", "Caller", "DeleteOptions", "ListOptions", "WatchOptions", "WriteOptions"]


@dataclass(frozen=True)
class Caller:
    """An authenticated user.

    Attributes:
        name: such as ``system:serviceaccount:default:spark``.
        groups: includes ``system:authenticated`` for everybody but the anonymous.
        uid: the account's, where it has one.
        extra: what the authenticator adds.
    """

    name: str
    groups: tuple[str, ...] = ("system:authenticated",)
    uid: str = ""
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


SYSTEM = Caller("system:apiserver", ("system:masters", "system:authenticated"))
"""Who the server's own controllers are."""


@dataclass(frozen=True)
class WriteOptions:
    """How a write is meant.

    Attributes:
        manager: the field manager; already defaulted from the client's name.
        dry_run: do everything but store.
        validation: ``Ignore``, ``Warn`` or ``Strict``: what to do about unknown fields.
        force: an apply takes fields from other managers.
        caller: who writes.
        duplicates: paths the body's parser found twice.
        warn: called with each warning for the client.
    """

    manager: str = "spark-testkit"
    dry_run: bool = False
    validation: str = "Ignore"
    force: bool = False
    caller: Caller = SYSTEM
    duplicates: tuple[str, ...] = ()
    warn: Callable[[str], None] = field(default=lambda _: None)

    def but(self, **changes: Any) -> WriteOptions:
        return replace(self, **changes)


@dataclass(frozen=True)
class DeleteOptions:
    """The body of a DELETE.

    Attributes:
        grace_s: asked grace; None takes the kind's.
        policy: ``Background``, ``Foreground``, ``Orphan`` or empty for the kind's default.
        uid: precondition.
        revision: precondition, a resourceVersion.
        dry_run: do everything but store.
        caller: who deletes.
    """

    grace_s: int | None = None
    policy: str = ""
    uid: str = ""
    revision: str = ""
    dry_run: bool = False
    caller: Caller = SYSTEM


@dataclass(frozen=True)
class ListOptions:
    """Which objects of a resource, and as of when.

    Attributes:
        labels: label selector.
        fields: field selector.
        limit: objects per page; 0 for all.
        token: where a listing goes on, from the page before.
        revision: resourceVersion as sent; empty when not.
        match: resourceVersionMatch as sent.
    """

    labels: tuple[LabelRequirement, ...] = ()
    fields: tuple[FieldRequirement, ...] = ()
    limit: int = 0
    token: str = ""
    revision: str = ""
    match: str = ""


@dataclass(frozen=True)
class WatchOptions:
    """What a watcher wants to see.

    Attributes:
        labels: label selector.
        fields: field selector.
        revision: resourceVersion as sent: see changes after it; empty or 0 for a start from now.
        bookmarks: send BOOKMARK events.
        initial: send all objects first, then a marked bookmark (``sendInitialEvents``).
        match: resourceVersionMatch as sent.
    """

    labels: tuple[LabelRequirement, ...] = ()
    fields: tuple[FieldRequirement, ...] = ()
    revision: str = ""
    bookmarks: bool = False
    initial: bool | None = None
    match: str = ""


Mutation = Callable[[Object], Object]
