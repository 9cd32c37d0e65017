"""From a container's start to the first query's result: our way and `spark-submit`."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchmarks.client import first_result, waiting_client
from benchmarks.measure import Comparison, Goal, Series
from benchmarks.options import Options, Say
from benchmarks.workspace import Workspace
from spark_platform.kernel.docker.daemon import Daemon
from spark_platform.kernel.docker.reaper import LABEL, Reaper
from spark_platform.kernel.errors import Missing
from spark_testkit.engine import CONNECT_SERVER, TOKEN_VARIABLE, connect_url, engine_spec
from spark_testkit.ports import free_ports

__all__ = ["SUMMARY", "run"]

SUMMARY = "start of a Connect container to the first query's result"
_REPEAT = 5
_TOKEN = "benchmark-token"
_PORT = 15002
_CONF = {
    "spark.master": "local[2]",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.connect.grpc.binding.address": "0.0.0.0",
    "spark.ui.enabled": "false",
}


def run(space: Workspace, options: Options, say: Say) -> list[Comparison]:
    """Measure both ways in turn; with the same image, settings and heap."""
    confs = [word for key, value in _CONF.items() for word in ("--conf", f"{key}={value}")]
    submit = ("/opt/spark/bin/spark-submit", "--class", CONNECT_SERVER, "--driver-memory", "1g")
    ways: dict[str, Callable[[], float]] = {
        "ours": lambda: _start_s(space, ["connect", *confs]),
        "stock": lambda: _start_s(space, [*submit, *confs]),
    }
    measured: dict[str, list[float]] = {way: [] for way in ways}
    repeat = options.repetitions(_REPEAT)
    for number in range(repeat):
        for way, start in ways.items():
            measured[way].append(start())
            say(f"container: {way} {number + 1}/{repeat}: {measured[way][-1]:.2f} s")
    return [
        Comparison(
            "Connect in a container",
            "s",
            Series("the image's `connect`", tuple(measured["ours"])),
            Series("`spark-submit` in the image", tuple(measured["stock"])),
            Goal("ratio", 2),
        )
    ]


def _start_s(space: Workspace, command: Sequence[str]) -> float:
    [port] = free_ports(1)
    with waiting_client(space) as client, _container(command, port) as container:
        begin = time.monotonic()
        container.start()
        first_result(client, connect_url(engine_spec(), port, _TOKEN))
        return time.monotonic() - begin


@contextlib.contextmanager
def _container(command: Sequence[str], port: int) -> Iterator[Any]:
    """A container that is made and not started."""
    owner = f"benchmark-{port}"
    image = engine_spec().image
    with Daemon() as daemon:
        if daemon.image(image) is None:
            raise Missing(f"there is no image {image}", hint="`spark-testkit images build`")
        reaper = Reaper.start(owner)
        try:
            yield daemon.client.containers.create(
                image,
                list(command),
                labels={LABEL: owner},
                environment={TOKEN_VARIABLE: _TOKEN},
                ports={f"{_PORT}/tcp": ("127.0.0.1", port)},
            )
        finally:
            reaper.finish()
