"""The store on disk: a restarted server goes on with the same objects, revisions and history.

Reads are served from memory; each write is one SQLite transaction before anybody learns of it.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from pathlib import Path

from spark_emulators.kubernetes.store.memory import MemoryStore
from spark_emulators.kubernetes.store.store import DELETED, Change, Key, Object, Stored
from spark_platform.kernel.errors import Missing

__all__ = ["SqliteStore"]

_SCHEMA = """
create table if not exists objects (
  resource text, namespace text, name text, revision integer, value text,
  primary key (resource, namespace, name)
) without rowid;
create table if not exists history (
  revision integer primary key, resource text, namespace text, name text, type text,
  value text, before text
);
create table if not exists counter (id integer primary key check (id = 0), revision integer);
create table if not exists windows (resource text primary key, first integer) without rowid;
"""


class SqliteStore(MemoryStore):
    """A ``MemoryStore`` that writes through.

    Args:
        path: the database file; made where it is missing.
        window: how many changes are remembered over a restart.

    Raises:
        Missing: the file cannot be opened as a database.
    """

    def __init__(self, path: Path, *, window: int = 10_000) -> None:
        super().__init__(window=window)
        self._kept = window
        try:
            self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._database.execute("pragma journal_mode = wal")
            # a killed process loses nothing; a machine that loses power may lose its last writes
            self._database.execute("pragma synchronous = normal")
            self._database.executescript(_SCHEMA)
            self._load()
        except sqlite3.DatabaseError as error:
            raise Missing(
                f"cannot open the store {path}: {error}",
                hint="move the file away to start with an empty cluster",
            ) from error

    def close(self) -> None:
        self._database.close()
        super().close()

    def put(self, key: Key, value: Object) -> Stored:
        revision = self.revision + 1
        value["metadata"]["resourceVersion"] = str(revision)
        self._write(key, revision, "", value)
        return super().put(key, value)

    def delete(self, key: Key) -> Stored:
        before = self.get(key)
        if before is None:
            raise KeyError(key)
        self._write(key, self.revision + 1, DELETED, before.value)
        return super().delete(key)

    def _write(self, key: Key, revision: int, change: str, value: Object) -> None:
        before = self.get(key)
        text = json.dumps(value)
        old = json.dumps(before.value) if before else None
        kind = change or ("MODIFIED" if before else "ADDED")
        run = self._database.execute
        run("begin immediate")
        try:
            run("insert into history values (?,?,?,?,?,?,?)", (revision, *key, kind, text, old))
            if change == DELETED:
                run("delete from objects where resource=? and namespace=? and name=?", key)
            else:
                run("insert or replace into objects values (?,?,?,?,?)", (*key, revision, text))
            run("insert or replace into counter values (0, ?)", (revision,))
            if revision % self._kept == 0:
                self._trim(revision - self._kept)
            run("commit")
        except BaseException:
            run("rollback")
            raise

    def _trim(self, oldest: int) -> None:
        run = self._database.execute
        run(
            "insert or replace into windows select resource, max(revision) from history"
            " where revision <= ? group by resource",
            (oldest,),
        )
        run("delete from history where revision <= ?", (oldest,))

    def _load(self) -> None:
        run = self._database.execute
        found = run("select revision from counter").fetchone()
        if not found:
            return
        self.resume(found[0])
        objects: dict[str, list[Stored]] = defaultdict(list)
        for resource, namespace, name, revision, value in run("select * from objects"):
            stored = Stored(Key(resource, namespace, name), revision, json.loads(value))
            objects[resource].append(stored)
        history: dict[str, list[Change]] = defaultdict(list)
        for revision, resource, namespace, name, kind, value, before in run(
            "select * from history order by revision"
        ):
            history[resource].append(
                _change(Key(resource, namespace, name), revision, kind, value, before)
            )
        everything = [each for changes in history.values() for each in changes]
        everything.sort(key=lambda each: each.revision)
        self.load("", [], everything, everything[0].revision - 1 if everything else found[0])
        firsts = dict(run("select resource, first from windows").fetchall())
        for resource in {*objects, *history, *firsts}:
            self.load(resource, objects[resource], history[resource], firsts.get(resource, 0))


def _change(key: Key, revision: int, kind: str, value: str, before: str | None) -> Change:
    now: Object = json.loads(value)
    if kind == DELETED:
        now["metadata"]["resourceVersion"] = str(revision)
    old = json.loads(before) if before else None
    return Change(
        revision,
        kind,
        Stored(key, revision, now),
        Stored(key, int(old["metadata"]["resourceVersion"]), old) if old else None,
    )
