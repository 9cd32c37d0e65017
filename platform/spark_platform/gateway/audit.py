"""Who has done what, or was refused it: entries that are only added.

A request whose entry cannot be written is refused. There is never a token, a body or a plan in one.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    delete,
    func,
    insert,
    select,
)
from sqlalchemy.exc import SQLAlchemyError

from spark_platform.gateway.statuses import reason_of
from spark_platform.identity import Caller
from spark_platform.kernel.database import open_database, reading, writing
from spark_platform.kernel.errors import Forbidden, PlatformError, TimedOut, Transient

__all__ = ["Audit", "Change", "Deed", "Entry", "Found"]

_LOG = logging.getLogger(__name__)
_SCHEMA = MetaData()
_LONGEST = 256
# any number that nobody else in the database locks
_LOCK = 0x61756469
_ASKED, _DONE, _REFUSED, _UNCLEAR = "asked", "done", "refused", "unclear"
_HAPPENED = {
    _ASKED: "nothing was done",
    _DONE: "but it was done",
    _REFUSED: "it was refused",
    _UNCLEAR: "and it may have been done",
}

ENTRIES = Table(
    "audit",
    _SCHEMA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("request", String(32), nullable=False),
    Column("at", Float, nullable=False, index=True),
    Column("user", String(_LONGEST), nullable=False),
    Column("domain", String(_LONGEST), nullable=False),
    Column("verb", String(_LONGEST), nullable=False),
    Column("namespace", String(_LONGEST), nullable=False),
    Column("name", String(_LONGEST), nullable=False),
    Column("cluster", String(_LONGEST), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("code", String(64), nullable=False),
    Column("why", String, nullable=False),
    Index("audit_of_domain", "domain", "id"),
    Index("audit_of_namespace", "namespace", "id"),
    # numbers are never used again, though entries go: whoever pages on has seen all before
    sqlite_autoincrement=True,
)


@dataclass(frozen=True)
class Deed:
    """What somebody asks for.

    Attributes:
        caller: who.
        verb: what: ``create``, ``delete``, ``logs``; of Spark Connect the RPC: ``ExecutePlan``.
        namespace: where.
        name: of the application, the pod, or the session.
    """

    caller: Caller
    verb: str
    namespace: str = ""
    name: str = ""


@dataclass
class Found:
    """What turned out while it was done.

    Attributes:
        cluster: where; empty where it came to none.
        why: what decided.
    """

    cluster: str = ""
    why: str = ""


@dataclass(frozen=True)
class Entry:
    """One line of the audit.

    Attributes:
        request: the same in the entries of one request.
        at: when.
        user, domain: who asked, and for which domain.
        verb, namespace, name: see ``Deed``.
        cluster, why: see ``Found``.
        outcome: ``asked``, before anything is changed; ``done``, ``refused`` or, where a cluster
            did not answer, ``unclear``.
        code: of what refused: ``Forbidden``, ``AlreadyExists``, ``ServiceUnavailable``.
        id: grows; 0 before it is written.
    """

    request: str
    at: datetime
    user: str
    domain: str
    verb: str
    namespace: str
    name: str
    cluster: str = ""
    outcome: str = _ASKED
    code: str = ""
    why: str = ""
    id: int = 0


class Audit:
    """The audit, in a database that several gateways may share.

    Args:
        url: SQLAlchemy's.
        now: the time.

    Raises:
        InvalidInput: the URL is none.
        Missing: it cannot be opened.
    """

    def __init__(
        self, url: str, *, now: Callable[[], datetime] = lambda: datetime.now(timezone.utc)
    ) -> None:
        self._engine: Engine = open_database(url, _SCHEMA)
        self._now = now

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    @contextmanager
    def changing(self, deed: Deed) -> Iterator[Found]:
        """Around what changes something: one entry before it, one with its outcome after it.

        An entry without an outcome is of a gateway that ended in between.

        Raises:
            Transient: an entry cannot be written; before the block, or after it.
        """
        with self._outcome(self.asked(deed)) as found:
            yield found

    @contextmanager
    def joined(self, deed: Deed) -> Iterator[Change]:
        """As ``changing``, of a block that writes the entries with what they are of.

        What is refused before that leaves one entry.

        Raises:
            Transient: an entry cannot be written.
        """
        change = Change(self, self.entry(deed))
        with self._refusal(change.entry, change):
            yield change

    @contextmanager
    def reading(self, deed: Deed) -> Iterator[Found]:
        """Around what tells a secret: an entry before anybody is told.

        Raises:
            Transient: it cannot be written.
        """
        with self._outcome(self.entry(deed)) as found:
            yield found

    @contextmanager
    def looking(self, deed: Deed) -> Iterator[None]:
        """Around what everybody may do where policy lets them: an entry only if it does not.

        Raises:
            Transient: it cannot be written.
        """
        try:
            yield
        except Forbidden as error:
            self.ended(self.entry(deed), Found(), error)
            raise

    def entry(self, deed: Deed) -> Entry:
        """An entry that is not written yet, for ``ended``."""
        return Entry(
            request=uuid.uuid4().hex,
            at=self._now(),
            user=_plain(deed.caller.user),
            domain=_plain(deed.caller.domain),
            verb=_plain(deed.verb),
            namespace=_plain(deed.namespace),
            name=_plain(deed.name),
        )

    def asked(self, deed: Deed) -> Entry:
        """What ``changing`` does before its block, for who awaits what it does; see ``ended``.

        Raises:
            Transient: the entry cannot be written, so nothing is to be done.
        """
        entry = self.entry(deed)
        self.write(entry)
        return entry

    def ended(self, entry: Entry, found: Found, error: PlatformError | None = None) -> None:
        """What all of these do at an end: write its outcome.

        Args:
            entry: what was asked, or was never written.
            found: what turned out.
            error: what came of it; None where it was done.

        Raises:
            Transient: the entry cannot be written, so nobody is to be told of a success.
        """
        told = replace(entry, at=self._now(), cluster=_plain(found.cluster))
        if error is None:
            self.write(replace(told, outcome=_DONE, why=found.why))
            return
        # what a cluster does not answer it may have done all the same
        unclear = bool(found.cluster) and isinstance(error, (Transient, TimedOut))
        # only policy's own words: those of a cluster may quote what was sent
        own = isinstance(error, Forbidden) and not found.cluster
        self.write(
            replace(
                told,
                outcome=_UNCLEAR if unclear else _REFUSED,
                code=reason_of(error),
                why=_plain(error.message) if own else "",
            )
        )

    def entries(
        self, *, domain: str = "", namespace: str = "", after: int = 0, limit: int = 100
    ) -> list[Entry]:
        """Entries, the oldest first.

        Args:
            domain: only of callers of this one.
            namespace: only of what is in this one, whoever asked.
            after: only those with a greater ``id``.
            limit: at most so many.
        """
        wanted = select(ENTRIES).where(ENTRIES.c.id > after).order_by(ENTRIES.c.id).limit(limit)
        if domain:
            wanted = wanted.where(ENTRIES.c.domain == domain)
        if namespace:
            wanted = wanted.where(ENTRIES.c.namespace == namespace)
        with reading(self._engine) as connection:
            rows = connection.execute(wanted).all()
        return [_of_row(dict(row._mapping)) for row in rows]

    def forget(self, before: datetime) -> int:
        """Drop the entries of before a time; how many those were."""
        with writing(self._engine) as connection:
            old = delete(ENTRIES).where(ENTRIES.c.at < before.timestamp())
            return int(connection.execute(old).rowcount)

    @contextmanager
    def _outcome(self, entry: Entry) -> Iterator[Found]:
        found = Found()
        with self._refusal(entry, found):
            yield found
        self.ended(entry, found)

    @contextmanager
    def _refusal(self, entry: Entry, found: Found) -> Iterator[None]:
        try:
            yield
        except PlatformError as error:
            self.ended(entry, found, error)
            raise

    def join(self, connection: Connection, entry: Entry, found: Found) -> None:
        """Write that something was done, in a transaction of the same database that does it.

        Args:
            entry: what was asked, written or not.
            found: what turned out.

        Raises:
            Transient: it cannot be written.
        """
        done = replace(
            entry, at=self._now(), cluster=_plain(found.cluster), outcome=_DONE, why=found.why
        )
        self.write(done, connection)

    def write(self, entry: Entry, connection: Connection | None = None) -> None:
        """Write an entry as it is.

        Args:
            connection: of a transaction of the same database; None for one of its own.

        Raises:
            Transient: it cannot be written.
        """
        try:
            with nullcontext(connection) if connection else writing(self._engine) as transaction:
                self._add(transaction, entry)
        except (SQLAlchemyError, Transient) as error:
            raise Transient(
                f"the audit of {entry.verb} cannot be written: {_HAPPENED[entry.outcome]}",
                retry_after_s=1,
            ) from error
        _log(entry)

    def _add(self, connection: Connection, entry: Entry) -> None:
        row = {**vars(entry), "at": entry.at.timestamp()}
        del row["id"]
        if connection.dialect.name == "postgresql":
            # ids become visible in their order, or whoever pages on would miss some
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        connection.execute(insert(ENTRIES), row)


class Change(Found):
    """A change, as ``Audit.joined`` has it.

    Args:
        audit: where its entries are written.
        entry: what is asked.
    """

    def __init__(self, audit: Audit, entry: Entry) -> None:
        super().__init__()
        self.entry, self._audit = entry, audit

    def asked(self, connection: Connection | None = None) -> None:
        """Write that it is asked for, with the first of what it does; raises Transient."""
        self._audit.write(self.entry, connection)

    def done(self, connection: Connection) -> None:
        """Write that it was done, with the last of what it does; raises Transient."""
        self._audit.join(connection, self.entry, self)


def _log(entry: Entry) -> None:
    _LOG.info(
        "%s %s/%s%s by %s of %s: %s",
        *(entry.verb, entry.namespace, entry.name),
        *(f" on {entry.cluster}" if entry.cluster else "", entry.user, entry.domain),
        ", ".join(filter(None, (entry.outcome, entry.code, entry.why))),
    )


def _plain(text: str) -> str:
    """What a caller chose, as it can be kept and shown on one line."""
    return "".join(each if each.isprintable() else "?" for each in text[:_LONGEST])


def _of_row(row: dict[str, object]) -> Entry:
    at = datetime.fromtimestamp(float(str(row["at"])), timezone.utc)
    return Entry(**{**row, "at": at})  # type: ignore[arg-type]
