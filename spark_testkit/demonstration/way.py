"""The platform at work: a manifest becomes tables, and a query looks at them, hop by hop."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spark_platform.kernel.errors import CommandFailed, Terminal
from spark_platform.kernel.process import run
from spark_testkit.demonstration.principal import ANALYST, JOB, analyst, as_principal, lineage_of
from spark_testkit.resources import resource
from spark_testkit.services.unity_catalog import TOKEN
from spark_testkit.tokens import connect_remote, issued, local_user
from spark_testkit.variables import SPOILERS

if TYPE_CHECKING:
    from spark_platform.runner.client import RunnerClient
    from spark_platform.runner.documents import RunDocument
    from spark_testkit.lineage.graph import Graph

__all__ = ["LINEAGE_OF", "Demonstration", "Hop", "demonstrate"]

LINEAGE_OF = "unity.flights.flights_enriched"

_BUCKET = "flights-raw"
_TIMEOUT_S = 900
_HOUR_S = 3600
_EXAMPLE = "examples/coreetl_flights"


@dataclass(frozen=True)
class Hop:
    """One step of the way.

    Attributes:
        name: what happens.
        seconds: how long it took.
        detail: what came of it.
    """

    name: str
    seconds: float
    detail: str = ""


@dataclass
class Demonstration:
    """What was done.

    Attributes:
        hops: the way, in its order.
        run: the run, as the Runner tells of it.
        results: what the query has found.
        lineage: what the enriched flights come from and go to, where Spark has told the catalog.
    """

    hops: list[Hop] = field(default_factory=list)
    run: dict[str, Any] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    lineage: Graph | None = None

    def document(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        told: dict[str, Any] = {"hops": [asdict(each) for each in self.hops], "run": self.run}
        if self.lineage is not None:
            edges = [{"source": source, "target": target} for source, target in self.lineage.edges]
            told["lineage"] = {"table": LINEAGE_OF, "edges": edges}
        return {**self.results, **told}


def demonstrate(
    start: Callable[[str], Mapping[str, str]],
    *,
    on_hop: Callable[[Hop], None],
    on_line: Callable[[str], None],
) -> Demonstration:
    """Go the whole way: manifest → Runner → Gateway → SK8 → tables, and a query of them.

    Where the catalog asks who one is, job and query are principals with just the grants they need,
    and what comes from what is asked for at the end.

    Args:
        start: has the platform run, wherever that is, with a driver kept warm for queries of a
            domain; returns the variables of clients on this machine.
        on_hop: told of each hop when it is done.
        on_line: told what programs print.

    Raises:
        Terminal: the run failed; its log's end is in the message.
    """
    done = Demonstration()

    def hop(name: str, seconds: float, detail: str = "") -> None:
        done.hops.append(Hop(name, round(seconds, 2), detail))
        on_hop(done.hops[-1])

    job = _job()
    started = time.monotonic()
    exports = start(job.domain)
    hop("stack", time.monotonic() - started, "S3, catalog, Kubernetes, SK8, Gateway, Runner")
    guarded, asking = TOKEN in exports, exports
    if guarded:
        started = time.monotonic()
        job, asking = as_principal(job, exports), analyst(exports)
        who = f"the job is {JOB.told()}, the query {ANALYST.told()}"
        hop("grants", time.monotonic() - started, who)
    started = time.monotonic()
    for module in ("data", "package"):
        _program(f"coreetl_flights.{module}", [_BUCKET], exports, on_line)
    hop("upload", time.monotonic() - started, f"raw files and code to s3://{_BUCKET}")
    with _runner(exports, job.domain) as runner:
        done.run = _ran(runner, job, hop).model_dump(mode="json")
    started = time.monotonic()
    remote = connect_remote(exports, domain=job.domain)
    done.results = _looked({**asking, "SPARK_REMOTE": remote}, on_line)
    first = done.results["steps"][0]["seconds"]
    detail = f"five questions through the Gateway; the first answer after {first} s"
    hop("query", time.monotonic() - started, detail)
    if guarded:
        started = time.monotonic()
        done.lineage = lineage_of(LINEAGE_OF, exports)
        hop("lineage", time.monotonic() - started, f"of {LINEAGE_OF}, as Spark has told it")
    return done


def _job() -> Any:
    from spark_platform.dcp.jobs import job_of
    from spark_platform.dcp.reading import load

    return job_of(load(resource(f"{_EXAMPLE}/manifest.yaml").read_bytes()))


def _ran(runner: RunnerClient, job: Any, hop: Callable[[str, float, str], None]) -> RunDocument:
    """Submit a job and follow it to its end; each hop by the times that the Runner has noted."""
    begin = time.monotonic()
    run_ = runner.submit(uuid.uuid4().hex, job)
    hop("Runner", time.monotonic() - begin, f"manifest accepted as run {run_.run_id}")
    told: set[str] = set()
    for now in runner.follow(run_.run_id, timeout_s=_TIMEOUT_S):
        run_ = now
        for name, seconds, detail in _hops(now, runner):
            if name not in told:
                told.add(name)
                hop(name, seconds, detail)
    if run_.state.value != "SUCCEEDED":
        with contextlib.suppress(Exception):
            log = runner.logs(run_.run_id, tail=20)
            raise Terminal(f"run {run_.run_id} is {run_.state.value}: {run_.reason}\n{log}")
        raise Terminal(f"run {run_.run_id} is {run_.state.value}: {run_.reason}")
    return run_


def _hops(run_: RunDocument, runner: RunnerClient) -> Iterator[tuple[str, float, str]]:
    """What a run has behind it."""
    if not run_.attempts:
        return
    attempt = run_.attempts[-1]
    steps = {
        each.state.value: each.at
        for each in runner.history(run_.run_id).transitions
        if each.attempt == attempt.number
    }
    accepted = run_.created_at
    if "SUBMITTED" in steps and attempt.application:
        where = f"{attempt.application} on cluster {attempt.cluster}"
        yield "Gateway", _between(accepted, steps["SUBMITTED"]), f"SparkApplication {where}"
    if attempt.started_at:
        yield "SK8", _between(steps.get("SUBMITTED", accepted), attempt.started_at), "driver is up"
    if attempt.ended_at and attempt.started_at:
        detail = "driver and 2 executors: CSV on S3 to Iceberg tables in the catalog"
        yield "job", _between(attempt.started_at, attempt.ended_at), detail


def _between(first: datetime, second: datetime) -> float:
    return max(0.0, (second - first).total_seconds())


def _looked(exports: Mapping[str, str], on_line: Callable[[str], None]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        _program("coreetl_flights.results", ["--report", str(report)], exports, on_line)
        found: dict[str, Any] = json.loads(report.read_text())
        return found


@contextlib.contextmanager
def _runner(exports: Mapping[str, str], domain: str) -> Iterator[RunnerClient]:
    from spark_platform.runner.client import RunnerClient

    token = issued(exports, local_user(), domain, _HOUR_S)
    with RunnerClient(exports["SPARK_RUNNER_URL"], token) as client:
        yield client


def _program(
    module: str,
    arguments: list[str],
    exports: Mapping[str, str],
    on_line: Callable[[str], None],
) -> None:
    path = [str(resource(_EXAMPLE)), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, **exports, "PYTHONPATH": os.pathsep.join(filter(None, path))}
    for spoiler in SPOILERS:
        environment.pop(spoiler.name, None)
    argv = [sys.executable, "-m", module, *arguments]
    try:
        run(
            argv,
            env=environment,
            cwd=Path(tempfile.gettempdir()),
            timeout_s=_TIMEOUT_S,
            dies_with_caller=True,
            on_line=on_line,
        )
    except CommandFailed as error:
        raise Terminal(
            f"{' '.join(argv[1:3])} failed (exit code {error.returncode}); its output is above",
            hint="`spark-testkit demo --keep` leaves everything up to look at",
        ) from error
