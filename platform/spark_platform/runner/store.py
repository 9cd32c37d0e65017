"""Runs in a database: SQLite, or PostgreSQL where several replicas share one.

A run is one row, changed only by whoever knows its version; its history are rows that are only
added.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    bindparam,
    insert,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError

from spark_platform.kernel.database import open_database, reading, writing
from spark_platform.kernel.errors import Conflict, NotFound
from spark_platform.model import RunState
from spark_platform.runner.records import Decision, Run, Transition

__all__ = ["RUNS", "Changed", "History", "Store"]

_SCHEMA = MetaData()
_RUN: TypeAdapter[Run] = TypeAdapter(Run)

RUNS = Table(
    "runs",
    _SCHEMA,
    Column("run_id", String(64), primary_key=True),
    Column("domain", String(64), nullable=False),
    Column("token", String(128), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("name", String(128), nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("due_at", Float),
    Column("claimed_by", String(128)),
    Column("claimed_until", Float),
    Column("version", Integer, nullable=False),
    Column("document", JSON, nullable=False),
    UniqueConstraint("domain", "token", name="runs_token"),
    Index("runs_due", "due_at"),
    Index("runs_listed", "domain", "created_at", "run_id"),
)

TRANSITIONS = Table(
    "run_transitions",
    _SCHEMA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("run_id", String(64), nullable=False, index=True),
    Column("attempt", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", String, nullable=False),
    Column("at", Float, nullable=False),
)

DECISIONS = Table(
    "run_decisions",
    _SCHEMA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("run_id", String(64), nullable=False, index=True),
    Column("attempt", Integer, nullable=False),
    Column("strategy", String(32), nullable=False),
    Column("outcome", JSON, nullable=False),
    Column("why", String, nullable=False),
    Column("at", Float, nullable=False),
)

_ACCEPT, _STEP, _SAY = insert(RUNS), insert(TRANSITIONS), insert(DECISIONS)
# as a table of its own, since PostgreSQL may ask a subquery more than once
_DUE = (
    select(RUNS.c.run_id)
    .where(RUNS.c.due_at <= bindparam("at"))
    .where(or_(RUNS.c.claimed_until.is_(None), RUNS.c.claimed_until < bindparam("at")))
    .order_by(RUNS.c.due_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
    .cte("due")
)
_CLAIM = (
    update(RUNS)
    .where(RUNS.c.run_id.in_(select(_DUE.c.run_id)))
    .values(claimed_by=bindparam("worker"), claimed_until=bindparam("until"))
    .returning(RUNS)
)


class Changed(Conflict):
    """A run is of another version than whoever saves it knows."""


@dataclass(frozen=True)
class History:
    """All that befell a run, in its order."""

    transitions: tuple[Transition, ...]
    decisions: tuple[Decision, ...]


class Store:
    """The Runner's state.

    Args:
        url: of the database: SQLAlchemy's.

    Raises:
        InvalidInput: the URL is none.
        Missing: it cannot be opened.
    """

    def __init__(self, url: str) -> None:
        self._engine: Engine = open_database(url, _SCHEMA)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def accept(self, run: Run) -> tuple[Run, bool]:
        """Keep a run that is new.

        Returns:
            The run that its token stands for, and whether it is this one.

        Raises:
            Conflict: the token stands for a run of another job.
        """
        row = {
            **_row(run),
            "domain": run.job.domain,
            "token": run.token,
            "digest": run.job.digest,
            "name": run.job.name,
            "created_at": _seconds(run.created_at),
        }
        try:
            with writing(self._engine) as connection:
                connection.execute(_ACCEPT, row)
                _remember(connection, run.run_id, [Transition(0, run.state, "", run.created_at)])
            return run, True
        except IntegrityError:
            pass
        with reading(self._engine) as connection:
            same = (RUNS.c.domain == run.job.domain) & (RUNS.c.token == run.token)
            found = connection.execute(select(RUNS).where(same)).one_or_none()
        if found is None:
            raise Conflict(f"there is another run {run.run_id}", hint="use another token")
        if found.digest != run.job.digest:
            raise Conflict(
                f"token {run.token!r} was used for another job: run {found.run_id}",
                hint="a token is one request for ever: use another one for another job",
            )
        return _run(found), False

    def get(self, run_id: str) -> Run:
        """A run.

        Raises:
            NotFound: there is none of that id.
        """
        with reading(self._engine) as connection:
            found = connection.execute(select(RUNS).where(RUNS.c.run_id == run_id)).one_or_none()
        if found is None:
            raise NotFound(f"there is no run {run_id}")
        return _run(found)

    def page(
        self,
        *,
        domain: str = "",
        states: Sequence[RunState] = (),
        name: str = "",
        before: Run | None = None,
        limit: int = 100,
    ) -> list[Run]:
        """Runs, the newest first.

        Args:
            before: only those that come after this one in the list.
        """
        query = select(RUNS)
        if domain:
            query = query.where(RUNS.c.domain == domain)
        if states:
            query = query.where(RUNS.c.state.in_([each.value for each in states]))
        if name:
            query = query.where(RUNS.c.name == name)
        if before is not None:
            key = (_seconds(before.created_at), before.run_id)
            query = query.where(tuple_(RUNS.c.created_at, RUNS.c.run_id) < key)
        query = query.order_by(RUNS.c.created_at.desc(), RUNS.c.run_id.desc()).limit(limit)
        with reading(self._engine) as connection:
            return [_run(each) for each in connection.execute(query)]

    def history(self, run_id: str) -> History:
        """What befell a run."""
        with reading(self._engine) as connection:
            steps = connection.execute(
                select(TRANSITIONS).where(TRANSITIONS.c.run_id == run_id).order_by(TRANSITIONS.c.id)
            )
            transitions = tuple(
                Transition(each.attempt, RunState(each.state), each.reason, _moment(each.at))
                for each in steps
            )
            said = connection.execute(
                select(DECISIONS).where(DECISIONS.c.run_id == run_id).order_by(DECISIONS.c.id)
            )
            decisions = tuple(
                Decision(each.strategy, each.attempt, each.outcome, each.why, _moment(each.at))
                for each in said
            )
        return History(transitions, decisions)

    def claim(self, worker: str, now: datetime, *, lease_s: float, limit: int) -> list[Run]:
        """Take runs that are due; nobody else gets them until they are saved or the lease ends."""
        given = {
            "worker": worker, "at": _seconds(now), "until": _seconds(now, lease_s), "most": limit
        }  # fmt: skip
        with writing(self._engine) as connection:
            return [_run(each) for each in connection.execute(_CLAIM, given)]

    def save(
        self,
        run: Run,
        transitions: Iterable[Transition] = (),
        decisions: Iterable[Decision] = (),
        *,
        keep: bool = False,
    ) -> Run:
        """Write a run, if it is still of the version that ``run`` was read in.

        Args:
            keep: stay the one who has it claimed.

        Raises:
            Changed: somebody else has changed it.
        """
        newer = replace(run, version=run.version + 1)
        row = _row(newer)
        if not keep:
            row |= {"claimed_by": None, "claimed_until": None}
        with writing(self._engine) as connection:
            _change(connection, run, row)
            _remember(connection, run.run_id, transitions, decisions)
        return newer

    def put_off(self, run: Run) -> Run:
        """Let go of a run, to be looked at when it says; it stays of its version.

        Raises:
            Changed: somebody else has changed it.
        """
        due = {"due_at": _seconds(run.due_at) if run.due_at else None}
        with writing(self._engine) as connection:
            _change(connection, run, {**due, "claimed_by": None, "claimed_until": None})
        return run

    def touch(self, run_id: str, now: datetime) -> None:
        """Have a run looked at now, since something has happened to it."""
        later = (RUNS.c.run_id == run_id) & (RUNS.c.due_at > _seconds(now))
        with writing(self._engine) as connection:
            connection.execute(update(RUNS).where(later).values(due_at=_seconds(now)))

    def next_due(self) -> datetime | None:
        """When the first of all runs is due; None where none is ever."""
        query = select(RUNS.c.due_at).where(RUNS.c.due_at.is_not(None)).order_by(RUNS.c.due_at)
        with reading(self._engine) as connection:
            found = connection.execute(query.limit(1)).scalar()
        return None if found is None else _moment(found)


def _change(connection: Connection, run: Run, row: dict[str, Any]) -> None:
    same = (RUNS.c.run_id == run.run_id) & (RUNS.c.version == run.version)
    if connection.execute(update(RUNS).where(same).values(row)).rowcount != 1:
        raise Changed(f"run {run.run_id} was changed meanwhile")


def _remember(
    connection: Connection,
    run_id: str,
    transitions: Iterable[Transition] = (),
    decisions: Iterable[Decision] = (),
) -> None:
    steps = [
        {**asdict(each), "run_id": run_id, "state": each.state.value, "at": _seconds(each.at)}
        for each in transitions
    ]
    if steps:
        connection.execute(_STEP, steps)
    said = [{**asdict(each), "run_id": run_id, "at": _seconds(each.at)} for each in decisions]
    if said:
        connection.execute(_SAY, said)


def _row(run: Run) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "state": run.state.value,
        "due_at": _seconds(run.due_at) if run.due_at else None,
        "version": run.version,
        "document": _RUN.dump_python(run, mode="json"),
    }


def _run(row: Any) -> Run:
    run = _RUN.validate_python(row.document)
    due = None if row.due_at is None else _moment(row.due_at)
    return replace(run, version=row.version, due_at=due)


def _seconds(when: datetime, later_s: float = 0.0) -> float:
    return (when + timedelta(seconds=later_s)).timestamp()


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)
