"""The catalog against pyiceberg's own, which is a library on an SQLite file of the same kind."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import Comparison, Goal, Series
from benchmarks.options import Options, Say
from benchmarks.workspace import Workspace, clean_environment, log_tail, started
from spark_platform.kernel.database import sqlite_url
from spark_platform.kernel.errors import Terminal
from spark_platform.kernel.wait import poll
from spark_testkit.ports import free_ports
from spark_testkit.services.unity_catalog import readiness

if TYPE_CHECKING:
    import httpx
    from pyiceberg.catalog import Catalog

__all__ = ["SUMMARY", "run"]

SUMMARY = "the catalog: loads and commits against pyiceberg's SqlCatalog, and among many tables"
_LABELS = ("Unity Catalog", "SqlCatalog, in process")
_ICEBERG = "/api/2.1/unity-catalog/iceberg"
_TABLES = f"{_ICEBERG}/v1/catalogs/unity/namespaces/{{schema}}/tables"
_CLIENTS, _OPERATIONS, _ROUNDS = 16, 320, 3
_MANY, _ASKED = 10_000, 300
_PAGE = 100
# as long as among ten, give or take what a busy machine does to it
_FLAT = 0.8
_SCHEMA = {"type": "struct", "fields": [{"id": 1, "name": "id", "required": False, "type": "long"}]}
_STARTS_WITHIN_S = 60.0


def run(space: Workspace, options: Options, say: Say) -> list[Comparison]:
    """Both catalogs keep tables in files of this machine; ours is asked over HTTP."""
    folder = space.folder("catalog")
    with _served(folder) as url:
        found = _against_sql(folder, url, options, say)
        return [*found, *_among_many(url, options, say)]


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[str]:
    """Our server, as a process of its own; its URL."""
    (port,) = free_ports(1)
    config, log = folder / "uc.json", folder / "uc.log"
    settings = {
        "port": port,
        "database": sqlite_url(folder / "uc.sqlite"),
        "catalogs": [{"name": "unity", "storage_root": (folder / "unity").as_uri()}],
    }
    config.write_text(json.dumps(settings))
    argv = [sys.executable, "-m", "spark_emulators.unity_catalog", "--config", str(config)]
    url = f"http://127.0.0.1:{port}"
    with started(argv, env=clean_environment({}), cwd=folder, log=log) as child:

        def serves() -> None:
            if child.poll() is not None:
                raise Terminal(f"the catalog has ended: {log_tail(log)}")
            readiness(url).check()

        poll(serves, what="the catalog", timeout_s=_STARTS_WITHIN_S)
        yield url


def _against_sql(folder: Path, url: str, options: Options, say: Say) -> list[Comparison]:
    operations = _OPERATIONS // (10 if options.quick else 1)
    found = []
    for clients in (1, _CLIENTS):
        with _catalogs(folder, url, clients) as (ours, stock):
            for what, act in (("load a table", _load), ("commit to a table", _commit)):
                times = _in_turns(act, ours, stock, operations, options.repetitions(_ROUNDS))
                found += _compared(f"{what}, {_people(clients)}", *times)
                say(f"catalog: {found[-2].name}: {1000 / found[-2].ours.median:.0f} a second")
    return found


@contextlib.contextmanager
def _catalogs(
    folder: Path, url: str, clients: int
) -> Iterator[tuple[Sequence[Catalog], Sequence[Catalog]]]:
    """Each client's own two catalogs, with a table for each client."""
    from pyiceberg.catalog.rest import RestCatalog
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.schema import Schema
    from pyiceberg.types import LongType, NestedField

    database = f"sqlite:///{folder / f'sql-{clients}.sqlite'}"
    files = (folder / f"sql-{clients}").as_uri()
    ours: list[Catalog] = [
        RestCatalog("unity", uri=url + _ICEBERG, warehouse="unity") for _ in range(clients)
    ]
    stock: list[Catalog] = [
        SqlCatalog("sql", uri=database, warehouse=files) for _ in range(clients)
    ]
    for each in (ours, stock):
        each[0].create_namespace(f"with_{clients}")
        for number in range(clients):
            field = NestedField(1, "id", LongType(), required=False)
            each[0].create_table((f"with_{clients}", f"t{number}"), Schema(field))
    yield ours, stock
    for catalog in (*ours, *stock):
        with contextlib.suppress(NotImplementedError):
            catalog.close()


def _load(catalog: Catalog, table: tuple[str, str], _number: int) -> None:
    catalog.load_table(table)


def _commit(catalog: Catalog, table: tuple[str, str], number: int) -> None:
    with catalog.load_table(table).transaction() as transaction:
        transaction.set_properties(number=str(number))


_Act = Callable[["Catalog", tuple[str, str], int], None]
_Times = tuple[list[float], list[float]]


def _in_turns(
    act: _Act, ours: Sequence[Catalog], stock: Sequence[Catalog], operations: int, rounds: int
) -> tuple[_Times, _Times]:
    """Of each way: milliseconds of each operation, and of one on average, per round."""
    found: tuple[_Times, _Times] = (([], []), ([], []))
    for number in range(rounds + 1):
        for way, catalogs in enumerate((ours, stock)):
            each, average = _round(act, catalogs, operations)
            # the first round fills caches
            if number:
                found[way][0].extend(each)
                found[way][1].append(average)
    return found


def _round(act: _Act, catalogs: Sequence[Catalog], operations: int) -> tuple[list[float], float]:
    clients = len(catalogs)

    def client(number: int) -> list[float]:
        catalog, table = catalogs[number], (f"with_{clients}", f"t{number}")
        counted = range(operations // clients)
        return [_timed(partial(act, catalog, table, count)) for count in counted]

    begin = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        each = [took for times in pool.map(client, range(clients)) for took in times]
    return each, (time.perf_counter() - begin) * 1000 / len(each)


def _compared(name: str, ours: _Times, stock: _Times) -> list[Comparison]:
    slow = [sorted(each)[int(0.99 * len(each))] for each, _ in (ours, stock)]

    def both(name: str, left: Sequence[float], right: Sequence[float]) -> Comparison:
        return Comparison(
            name, "ms", Series(_LABELS[0], tuple(left)), Series(_LABELS[1], tuple(right))
        )

    return [
        both(name, ours[1], stock[1]),
        both(f"{name}: the slowest hundredth waits", slow[:1], slow[1:]),
    ]


def _among_many(url: str, options: Options, say: Say) -> list[Comparison]:
    """Pages and loads of ours alone: among ten tables, and among thousands."""
    import httpx

    many, asked = _MANY // (100 if options.quick else 1), _ASKED // (10 if options.quick else 1)
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as http:
        for schema, tables in (("few", 10), ("many", many)):
            begin = time.monotonic()
            _fill(http, schema, tables)
            say(f"catalog: {tables} tables in {time.monotonic() - begin:.0f} s")
        return [_among(http, what, paths, many, asked) for what, paths in _questions(http).items()]


def _among(
    http: httpx.Client, what: str, paths: tuple[str, str], many: int, asked: int
) -> Comparison:
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(asked):
        for path, taken in zip(paths, times, strict=True):
            taken.append(_timed(lambda path=path: _ask(http, path)))  # type: ignore[misc]
    ours, stock = Series(f"among {many}", tuple(times[1])), Series("among 10", tuple(times[0]))
    return Comparison(what, "ms", ours, stock, Goal("ratio", _FLAT))


def _questions(http: httpx.Client) -> dict[str, tuple[str, str]]:
    """Paths in the small schema and in the large one. Pages are of ten tables: the small one's."""
    few, many = (_TABLES.format(schema=schema) for schema in ("few", "many"))
    uc = "/api/2.1/unity-catalog/tables?catalog_name=unity&max_results=10&schema_name="
    # who wants pages sends a token, at first an empty one
    page, late = "?pageSize=10&pageToken=", _token_of_the_last_page(http)
    return {
        "load a table": (f"{few}/t00005", f"{many}/t00005"),
        "the first page of Iceberg's list": (few + page, many + page),
        "the last page of Iceberg's list": (few + page, f"{many}{page}{late}"),
        "the first page of Unity Catalog's list": (f"{uc}few", f"{uc}many"),
    }


def _token_of_the_last_page(http: httpx.Client) -> str:
    from urllib.parse import quote

    path, token, following = _TABLES.format(schema="many"), "", ""
    while following is not None:
        token = following
        page = http.get(path, params={"pageSize": _PAGE, "pageToken": token})
        following = page.raise_for_status().json().get("next-page-token")
    return quote(token, safe="")


def _fill(http: httpx.Client, schema: str, tables: int) -> None:
    path = _TABLES.format(schema=schema)
    http.post(path.rsplit("/", 2)[0], json={"namespace": [schema]}).raise_for_status()

    def create(number: int) -> None:
        body = {"name": f"t{number:05}", "schema": _SCHEMA}
        http.post(path, json=body).raise_for_status()

    with ThreadPoolExecutor(_CLIENTS) as pool:
        list(pool.map(create, range(tables)))


def _ask(http: httpx.Client, path: str) -> None:
    http.get(path).raise_for_status()


def _timed(act: Callable[[], None]) -> float:
    begin = time.perf_counter()
    act()
    return (time.perf_counter() - begin) * 1000


def _people(clients: int) -> str:
    return "1 client" if clients == 1 else f"{clients} clients"
