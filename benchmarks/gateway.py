"""The Gateway against what is behind it: Spark Connect on one driver, creations on one cluster."""

from __future__ import annotations

import base64
import contextlib
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measure import Comparison, Goal, Series
from benchmarks.options import Options, Say
from benchmarks.workspace import Workspace, clean_environment, started
from spark_platform.backends.sk8.backend import APPLICATIONS
from spark_platform.backends.sk8.manifest import manifest
from spark_platform.backends.sk8.status import driver_pod, observation
from spark_platform.gateway.connect.pools import POOL
from spark_platform.kernel.kubernetes.client import PODS, Kubernetes, connect
from spark_platform.kernel.kubernetes.resources import Resource
from spark_platform.kernel.wait import NotYet, poll
from spark_platform.model import JobSpec
from spark_testkit.connect import end_session, open_session
from spark_testkit.engine import engine_spec
from spark_testkit.service import ServiceRequest
from spark_testkit.stack import Stack
from spark_testkit.tokens import DOMAIN, connect_remote

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["SUMMARY", "run"]

SUMMARY = "the Gateway: Spark Connect and creations through it and past it"
_LABELS = ("through the Gateway", "past it")
_QUERIES, _WARM_UP, _BULKS, _CREATIONS, _CLAIMS = 300, 100, 7, 100, 3
# 8 million numbers are 64 MB
_ROWS, _UPLOAD_BYTES = 8_000_000, 64 << 20
_TIMEOUT_S = 240.0
_SECRETS = Resource("v1", "secrets")


_Sessions = tuple["SparkSession", "SparkSession", "SparkSession"]


@dataclass(frozen=True)
class _Site:
    exports: Mapping[str, str]
    cluster: Kubernetes
    stack: Stack


def run(space: Workspace, options: Options, say: Say) -> list[Comparison]:
    """One driver for all ways, asked in turns; then drivers of users who come; then creations."""
    with _site(space) as site:
        with _ways(space, site) as ways:
            found = [*_small(ways, options), *_bulk(ways, options, say)]
        found += _claims(site, options, say)
        site.stack.stop("spark-operator")
        return [*found, _creations(site, options)]


@contextlib.contextmanager
def _site(space: Workspace) -> Iterator[_Site]:
    with Stack("gateway", settings=space.settings) as stack:
        started = stack.up(ServiceRequest.of("gateway", warm={DOMAIN: 1}))
        exports = {key: value for each in started.values() for key, value in each.items()}
        with contextlib.closing(connect(Path(exports["KUBECONFIG"]))) as cluster:
            yield _Site(exports, cluster, stack)


@contextlib.contextmanager
def _ways(space: Workspace, site: _Site) -> Iterator[_Sessions]:
    """Sessions on one driver: through the Gateway, past it, and through a proxy of nothing."""
    _warm_driver(site)
    ours = open_session(connect_remote(site.exports, "bench"))
    ours.range(1).count()
    address, token = _driver(site)
    argv = [sys.executable, "-m", "benchmarks.empty_proxy", address]
    folder = space.folder("empty-proxy")
    place = {"cwd": Path.cwd(), "env": clean_environment({}), "log": folder / "log"}
    with started(argv, talks=True, **place) as proxy:  # type: ignore[arg-type]
        assert proxy.stdout is not None
        between = f"127.0.0.1:{int(proxy.stdout.readline())}"
        sessions = (ours, _session_at(address, token), _session_at(between, token))
        yield sessions
        for each in sessions:
            end_session(each)


def _warm_driver(site: _Site) -> None:
    def warm() -> None:
        found, _ = site.cluster.list(APPLICATIONS, DOMAIN, f"{POOL}={DOMAIN}")
        if not any(observation(each).connect for each in found):
            raise NotYet("no driver answers")

    poll(warm, what="a warm driver", timeout_s=_TIMEOUT_S)


def _driver(site: _Site) -> tuple[str, str]:
    """The address and the token of the one driver, as the Gateway reaches it."""
    (driver, *_), _ = site.cluster.list(APPLICATIONS, DOMAIN, f"{POOL}={DOMAIN}")
    name = driver["metadata"]["name"]
    pod = site.cluster.get(PODS, DOMAIN, driver_pod(driver))
    secret = site.cluster.get(_SECRETS, DOMAIN, f"{name}-connect")["data"]["token"]
    return f"{pod['status']['podIP']}:15002", base64.b64decode(secret).decode()


def _session_at(address: str, token: str) -> SparkSession:
    import grpc
    from pyspark.sql.connect.client import ChannelBuilder
    from pyspark.sql.connect.session import SparkSession as ConnectSession

    class Builder(ChannelBuilder):  # type: ignore[misc]
        def toChannel(self) -> grpc.Channel:
            return grpc.insecure_channel(address, options=self._channel_options)

        @property
        def endpoint(self) -> str:
            return address

        def metadata(self) -> list[tuple[str, str]]:
            return [("authorization", f"Bearer {token}")]

    session: Any = ConnectSession.builder.channelBuilder(Builder()).create()
    session.range(1).count()
    found: SparkSession = session
    return found


def _small(ways: _Sessions, options: Options) -> list[Comparison]:
    queries = _QUERIES // (10 if options.quick else 1)

    def ask(session: SparkSession) -> None:
        session.sql("SELECT 1").collect()

    _in_turns(ask, ways, _WARM_UP // (10 if options.quick else 1))
    ours, stock, between = _in_turns(ask, ways, queries)
    slow_ours, slow_stock = ((sorted(each)[int(0.99 * len(each))],) for each in (ours, stock))
    return [
        _comparison("small query", "ms", ours, stock, Goal("ratio", 1 / 1.05)),
        Comparison(
            "small query, an empty proxy instead",
            "ms",
            Series("through an empty proxy", between),
            Series(_LABELS[1], stock),
        ),
        _comparison(
            "small query, the slowest hundredth",
            "ms",
            slow_ours,
            slow_stock,
            Goal("ratio", 1 / 1.2),
        ),
    ]


def _bulk(ways: _Sessions, options: Options, say: Say) -> list[Comparison]:
    bulks = options.repetitions(_BULKS)
    result = _in_turns(lambda each: each.range(_ROWS).toArrow(), ways, bulks)
    say(f"gateway: {_ROWS * 8 / 1e6:.0f} MB of results")
    with tempfile.TemporaryDirectory() as folder:

        def upload(session: SparkSession) -> None:
            file = Path(folder) / f"{uuid.uuid4().hex}.bin"
            # chunks of what compresses badly, as jars are
            file.write_bytes(uuid.uuid4().bytes * (_UPLOAD_BYTES // 16))
            session.addArtifact(str(file), file=True)

        sent = _in_turns(upload, ways, bulks)
    found = []
    for what, (ours, stock, between) in (("result", result), ("upload", sent)):
        name = f"{what} of 64 MB"
        found.append(_comparison(name, "ms", ours, stock, Goal("ratio", 0.9)))
        instead = Series("through an empty proxy", between), Series(_LABELS[1], stock)
        found.append(Comparison(f"{name}, an empty proxy instead", "ms", *instead))
    return found


def _in_turns(
    act: Callable[[SparkSession], Any], ways: _Sessions, times: int
) -> tuple[tuple[float, ...], ...]:
    """Milliseconds of each way, measured right after each other, each first in turn."""
    found: tuple[list[float], ...] = tuple([] for _ in ways)
    for number in range(times):
        for turn in range(len(ways)):
            way = (number + turn) % len(ways)
            begin = time.perf_counter()
            act(ways[way])
            found[way].append((time.perf_counter() - begin) * 1000)
    return tuple(map(tuple, found))


def _claims(site: _Site, options: Options, say: Say) -> list[Comparison]:
    """Seconds from a new user's session to its first result: a driver is warm, or none is."""
    warm, cold = [], []
    for number in range(options.repetitions(_CLAIMS)):
        _settled(site)
        warm.append(_first_result(site, f"warm-{number}", DOMAIN))
        cold.append(_first_result(site, "cold", f"cold-{number}"))
        say(f"gateway: first result after {warm[-1]:.2f} s, of a cold driver {cold[-1]:.1f} s")
    labels = ("a warm driver", "a cold driver")
    ours, stock = Series(labels[0], tuple(warm)), Series(labels[1], tuple(cold))
    return [
        Comparison("a new user's first result", "s", ours, stock, Goal("median", 1.0)),
        Comparison("a new user's first result, times less", "s", ours, stock, Goal("ratio", 10.0)),
    ]


def _settled(site: _Site) -> None:
    """Wait until a driver that is nobody's answers, and nothing else starts."""
    from spark_platform.gateway.connect.records import DriverState
    from spark_platform.gateway.connect.store import Store

    folder = Path(site.exports["SPARK_GATEWAY_KUBECONFIG"]).parent
    with contextlib.closing(Store(f"sqlite+pysqlite:///{folder / 'gateway.sqlite'}")) as store:

        def settled() -> None:
            states = [each.state for each in store.drivers(DOMAIN)]
            if DriverState.WARM not in states or DriverState.STARTING in states:
                raise NotYet(", ".join(each.value for each in states))

        poll(settled, what="a warm driver", timeout_s=_TIMEOUT_S)


def _first_result(site: _Site, user: str, domain: str) -> float:
    remote = connect_remote(site.exports, user, domain)
    begin = time.perf_counter()
    session = open_session(remote)
    session.range(10).count()
    took = time.perf_counter() - begin
    end_session(session)
    return took


def _creations(site: _Site, options: Options) -> Comparison:
    """Of applications that nobody acts on: the operator is stopped."""
    times: tuple[list[float], list[float]] = ([], [])
    kubeconfig = Path(site.exports["SPARK_GATEWAY_KUBECONFIG"])
    with contextlib.closing(connect(kubeconfig)) as gateway:
        for number in range(_CREATIONS // (10 if options.quick else 1)):
            for way, kubernetes in enumerate((gateway, site.cluster)):
                value = manifest(_job(f"created-{way}-{number}"), DOMAIN, kept_s=60)
                begin = time.perf_counter()
                kubernetes.create(APPLICATIONS, DOMAIN, value)
                times[way].append((time.perf_counter() - begin) * 1000)
    ours, stock = (tuple(each) for each in times)
    return _comparison("create an application", "ms", ours, stock, Goal("difference", 10.0))


def _job(name: str) -> JobSpec:
    spec = engine_spec()
    return JobSpec(name=name, main="local:///job.py", image=spec.image, spark_version=spec.pyspark)


def _comparison(
    name: str, unit: str, ours: tuple[float, ...], stock: tuple[float, ...], goal: Goal
) -> Comparison:
    return Comparison(name, unit, Series(_LABELS[0], ours), Series(_LABELS[1], stock), goal)
