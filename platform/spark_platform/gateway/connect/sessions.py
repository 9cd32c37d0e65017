"""Whose session is where: found, placed, cloned, released, lost; and who did what there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from spark_platform.gateway.audit import Audit, Deed, Found
from spark_platform.gateway.connect.decisions import check_clone
from spark_platform.gateway.connect.drivers import Drivers
from spark_platform.gateway.connect.pools import Pool, Pools
from spark_platform.gateway.connect.records import DriverState, Key, Place, Session, SessionState
from spark_platform.gateway.connect.refusals import Exhausted, handle
from spark_platform.gateway.connect.store import Claimed, Store
from spark_platform.gateway.policy import Policy
from spark_platform.identity import Caller
from spark_platform.kernel.errors import InvalidInput, NotFound, Transient

__all__ = ["Sessions"]

_REMEMBERED = 10_000
_ROOM_WITHIN_S = 30.0


class Sessions:
    """The sessions of all domains.

    Args:
        store: what the gateway's replicas agree on.
        drivers: where drivers are.
        pools: of domains.
        policy: which domains there are.
        audit: where it is written down who does what.
        lacking: told of a domain where a driver is wanted or was taken.
    """

    def __init__(
        self,
        store: Store,
        drivers: Drivers,
        pools: Pools,
        policy: Policy,
        audit: Audit,
        lacking: Callable[[str], None],
    ) -> None:
        self._store, self._drivers, self._pools = store, drivers, pools
        self._policy, self._audit, self._lacking = policy, audit, lacking
        # an open session's place never changes, so it need not be asked for again
        self._open: dict[Key, Session] = {}
        self._lock = threading.Lock()

    def check(self, key: Key, verb: str) -> None:
        """Let the users of domains pass.

        Args:
            verb: what they want to do.

        Raises:
            Forbidden: theirs is none.
        """
        with self._audit.looking(Deed(Caller(key.user, key.domain), verb, name=key.session)):
            self._policy.domain(key.domain)

    def known(self, key: Key) -> Session | None:
        """An open session, if it was asked for before; asks nobody."""
        return self._open.get(key)

    def find(self, key: Key) -> Session | None:
        """A session, if there is, or was, one."""
        known = self.known(key)
        return known if known is not None else self._remembered(self._store.find(key))

    def place(self, key: Key, named: str = "") -> Session | None:
        """Give a session its place; None where no driver is warm, so that it waits.

        Args:
            named: an application of the domain's; empty for one of the pool's drivers.

        Raises:
            NotFound: there is no such application.
            InvalidInput: it is none of Connect, or the domain has no pool.
            Exhausted: the pool has no warm driver and may start none.
            Transient: what was named does not answer yet.
        """
        if named:
            bound = self._store.bind(key, self._drivers.place(key.domain, named))
            return self._placed(bound)
        pool = self._pools.of(key.domain)
        if pool is None:
            raise InvalidInput(
                f"domain {key.domain} has no pool of drivers",
                hint="name an application: sc://…/;x-spark-cluster=NAME",
            )
        while True:
            claimed = self._store.claim(key, pool.fingerprint)
            self._lacking(key.domain)
            if claimed is None:
                self._check_room(key.domain, pool)
                return None
            session, how = claimed
            if how is Claimed.BEFORE:
                return self._remembered(session)
            if self._drivers.answers(session.place):
                return self._placed(session)
            # nothing of this session has come to be yet, so it may go elsewhere
            self._store.forget(session)
            if how is Claimed.WARM:
                self.lost(session.place)
            elif not self.is_lost(session):
                raise Transient(f"{session.place.application} does not answer", retry_after_s=1)

    def token(self, session: Session) -> str:
        """What the session's driver wants to be told.

        Raises:
            SparkCondition: the driver is gone.
            Transient: that cannot be told now.
        """
        try:
            return self._drivers.token(session.key.domain, session.place)
        except NotFound as error:
            self.lost(session.place)
            raise handle("SESSION_CHANGED", session.key.session) from error

    def known_token(self, session: Session) -> str | None:
        """The same, if it was asked for before; asks nobody."""
        return self._drivers.known_token(session.place)

    def is_lost(self, session: Session) -> bool:
        """Whether a session's driver is gone, asked of its cluster; if so, all its sessions are.

        Raises:
            Transient: that cannot be told now.
        """
        try:
            now = self._drivers.place(session.key.domain, session.place.application)
        except (NotFound, InvalidInput):
            now = Place("", "", "")
        if now.incarnation == session.place.incarnation:
            return False
        self.lost(session.place)
        return True

    def lost(self, place: Place) -> None:
        """A driver is gone, and all its sessions with it."""
        self._store.lose(place.incarnation)
        self._drivers.forget(place.incarnation)
        with self._lock:
            gone = [key for key, each in self._open.items() if each.place == place]
            for key in gone:
                del self._open[key]

    def release(self, session: Session) -> None:
        """A session was released, for good."""
        self._record(session, "ReleaseSession")
        self._store.close_session(session.key)
        with self._lock:
            self._open.pop(session.key, None)

    def begun(self, session: Session, operation: str) -> None:
        """A session has an operation."""
        entry = self._audit.entry(self._deed(session, "ExecutePlan"))
        found = _found(session, f"operation {operation}")
        # at once, since each query waits for it
        self._store.begin(
            session.key, operation, lambda connection: self._audit.join(connection, entry, found)
        )

    def uploads(self, session: Session) -> None:
        """A session is sent files, or code."""
        self._record(session, "AddArtifacts")

    def has(self, session: Session, operation: str) -> bool:
        """Whether a session has an operation."""
        return self._store.has(session.key, operation)

    def ended(self, session: Session, operation: str) -> None:
        """An operation was released."""
        self._store.end(session.key, operation)

    def clone(self, parent: Session, session_id: str) -> Session:
        """Hold an id for a clone, which is where its parent is.

        Raises:
            SparkCondition: the id cannot be a clone's.
        """
        key = replace(parent.key, session=session_id)
        check_clone(parent, session_id, self._store.find(key))
        held = self._store.bind(key, parent.place, SessionState.CLONING)
        check_clone(parent, session_id, held)
        self._record(held, "CloneSession", f"of {parent.key.session}")
        return held

    def cloned(self, held: Session) -> None:
        """A clone is there."""
        self._store.settle(held.key)

    def not_cloned(self, held: Session) -> None:
        """A clone was refused."""
        self._store.forget(held)

    def _placed(self, session: Session) -> Session:
        """A session that has just come to its place, if that can be written down."""
        try:
            self._record(session, "session")
        except Transient:
            self._store.forget(session)
            raise
        self._remembered(session)
        return session

    def _record(self, session: Session, verb: str, what: str = "") -> None:
        """Write down who does what.

        Raises:
            Transient: it cannot be, so it is not to be done.
        """
        self._audit.ended(self._audit.entry(self._deed(session, verb)), _found(session, what))

    def _deed(self, session: Session, verb: str) -> Deed:
        key = session.key
        namespace = self._policy.domain(key.domain).namespace
        return Deed(Caller(key.user, key.domain), verb, namespace, key.session)

    def _check_room(self, domain: str, pool: Pool) -> None:
        drivers = self._store.drivers(domain)
        taken = [each for each in drivers if each.state is DriverState.CLAIMED]
        if len(taken) >= pool.most:
            raise Exhausted(
                f"all {pool.most} drivers of domain {domain} are in use",
                hint="release sessions that are done with, or ask for a larger pool",
                retry_after_s=_ROOM_WITHIN_S,
            )

    def _remembered(self, found: Session | None) -> Session | None:
        if found is not None and found.state is SessionState.OPEN:
            with self._lock:
                while len(self._open) >= _REMEMBERED:
                    del self._open[next(iter(self._open))]
                self._open[found.key] = found
        return found


def _found(session: Session, what: str) -> Found:
    return Found(why=f"{what} on {session.place.application}".lstrip())
