"""Spark 3.5's Connect behind our guard: compiled once, on loopback alone, deaf without a token."""

from __future__ import annotations

import ipaddress
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import psutil
import pytest
from test_engine_connect import listening

from spark_platform.kernel import process, wait
from spark_platform.kernel.errors import CommandFailed
from spark_testkit.engine import (
    CONNECT_SERVER,
    HISTORY_SERVER,
    TOKEN_VARIABLE,
    Engine,
    Progress,
    connect_url,
    engine_spec,
    install,
    launch,
)
from spark_testkit.engine.guard import Guard, guard_of
from spark_testkit.engine.jars import JarStore
from spark_testkit.engine.lockfile import read_guard_lock, read_lock
from spark_testkit.services.spark_connect import ConnectReadiness
from spark_testkit.settings import Settings

TOKEN = "the-token-of-this-test"
OWN = "x-spark-testkit-token"
SPEC = engine_spec("3.5")
SETTINGS = Settings.from_env(os.environ)
STORE = JarStore(SETTINGS.cache_dir)
CLIENT = """
import os
from pyspark.sql.connect.session import SparkSession
session = SparkSession.builder.remote(os.environ["SPARK_REMOTE"]).create()
print(session.version, session.range(10).count())
"""


@pytest.fixture(scope="module")
def engine() -> Engine:
    return install("3.5", SETTINGS)


class Workshop:
    """A guard of this test's own, made with the compiler of the user's cache."""

    def __init__(self, engine: Engine, cache_dir: Path) -> None:
        guard = guard_of(SPEC, read_lock("3.5"), cache_dir)
        assert guard is not None
        self.engine = engine
        self.guard: Guard = guard
        self.news: list[Progress] = []

    def ensure(self) -> bytes:
        self.guard.ensure(
            self.engine.jars[:-1], java=self.engine.java, store=STORE, progress=self.news.append
        )
        return self.guard.jar.read_bytes()


def test_only_an_engine_whose_spark_knows_no_token_has_a_guard(tmp_path: Path) -> None:
    assert guard_of(engine_spec("4.1"), read_lock("4.1"), tmp_path) is None
    assert guard_of(engine_spec("4.0"), read_lock("4.0"), tmp_path) is None
    assert connect_url(engine_spec("4.0"), 1, "t") == "sc://localhost:1/;token=t"
    assert connect_url(SPEC, 1, "t") == "sc://localhost:1/;x-spark-testkit-token=t"


def test_the_guard_is_on_the_class_path_and_its_compiler_is_not(engine: Engine) -> None:
    assert engine.jars[-1].parent.name == "guard"
    assert [jar.coordinate for jar in read_guard_lock("3.5")] == [SPEC.guard_compiler]
    assert not [jar for jar in engine.jars if jar.name.startswith("ecj")]


def test_it_is_compiled_once_and_again_where_it_is_damaged(engine: Engine, tmp_path: Path) -> None:
    workshop = Workshop(engine, tmp_path)
    assert not workshop.guard.is_ready()
    first = workshop.ensure()
    assert first == engine.jars[-1].read_bytes()
    told = len(workshop.news)

    workshop.ensure()
    assert len(workshop.news) == told

    workshop.guard.jar.write_bytes(first[:-100])
    assert not workshop.guard.is_ready()
    assert workshop.ensure() == first
    assert set(tmp_path.glob("guard/*")) == {
        workshop.guard.jar,
        workshop.guard.jar.with_suffix(".json"),
    }


def test_no_configuration_starts_connect_without_it(engine: Engine, tmp_path: Path) -> None:
    def main_class(wanted: str) -> str:
        conf = {"spark.connect.grpc.interceptor.classes": ""}
        started = launch(engine, wanted, conf=conf, heap_mib=64, folder=tmp_path)
        return started.files[tmp_path / "java.args"].splitlines()[-1]

    assert main_class(CONNECT_SERVER) == '"sparktestkit.TestkitConnectServer"'
    assert main_class(HISTORY_SERVER) == f'"{HISTORY_SERVER}"'


@pytest.fixture(scope="module")
def probe(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that shows calls to the guard alone."""
    folder = tmp_path_factory.mktemp("probe")
    java = str(engine.java.binary)
    connect = next(jar for jar in engine.jars if jar.name.startswith("spark-connect_"))
    guava = [str(jar) for jar in engine.jars if jar.name.startswith(("guava", "scala-library"))]
    class_path = os.pathsep.join([str(folder), str(engine.jars[-1]), str(connect), *guava])
    compiler = STORE.path(read_guard_lock("3.5")[0].coordinate)
    source = Path(__file__).with_name("GuardProbe.java")
    process.run(
        [
            *(java, "-jar", str(compiler), "-17", "-nowarn"),
            *("-d", str(folder), "-cp", class_path, str(source)),
        ]
    )
    return [java, "-cp", class_path, "GuardProbe"]


def verdicts(probe: list[str], calls: list[str], token: str | None) -> list[str]:
    environment = {key: value for key, value in os.environ.items() if key != TOKEN_VARIABLE}
    if token is not None:
        environment[TOKEN_VARIABLE] = token
    return process.run([*probe, *calls], env=environment).splitlines()


def test_it_takes_the_token_in_either_spelling_from_this_machine(probe: list[str]) -> None:
    calls = [
        f"{peer}|{header}"
        for peer in ("127.0.0.1", "127.1.2.3", "::1")
        for header in (f"authorization|Bearer {TOKEN}", f"{OWN}|{TOKEN}")
    ]

    assert verdicts(probe, calls, TOKEN) == ["accepted"] * 6


def test_it_takes_no_call_from_elsewhere(probe: list[str]) -> None:
    calls = [f"{peer}|{OWN}|{TOKEN}" for peer in ("192.0.2.1", "2001:db8::1", "0.0.0.0", "-")]

    assert verdicts(probe, calls, TOKEN) == [
        "UNAUTHENTICATED: the server takes calls from its own machine only"
    ] * len(calls)


def test_without_a_token_of_its_own_it_takes_no_call(probe: list[str]) -> None:
    calls = [
        "127.0.0.1||",
        f"127.0.0.1|{OWN}|",
        f"127.0.0.1|{OWN}|null",
        "127.0.0.1|authorization|Bearer ",
        "127.0.0.1|authorization|Bearer null",
    ]

    for token in (None, ""):
        answers = verdicts(probe, calls, token)
        assert len(answers) == len(calls)
        assert all(f"started without {TOKEN_VARIABLE}" in answer for answer in answers)


@dataclass(frozen=True)
class Server:
    pid: int
    port: int


@pytest.fixture(scope="module")
def server(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("guarded")
    started = launch(
        engine,
        CONNECT_SERVER,
        conf={"spark.connect.grpc.binding.port": "0", "spark.master": "local[1]"},
        heap_mib=700,
        folder=folder,
    )
    started.write_files()
    environment = {**os.environ, **started.environment, TOKEN_VARIABLE: TOKEN}
    log = folder / "server.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            started.argv, cwd=folder, env=environment, stdout=output, stderr=output
        ) as child,
    ):
        try:
            port = wait.poll(lambda: listening(child, log), what="Connect", timeout_s=120)
            yield Server(child.pid, port)
        finally:
            child.kill()


def test_it_listens_on_loopback_alone(server: Server) -> None:
    sockets = [
        socket.laddr
        for socket in psutil.Process(server.pid).net_connections("tcp")
        if socket.status == psutil.CONN_LISTEN
    ]

    assert server.port in [address.port for address in sockets]
    assert [address for address in sockets if not is_loopback(address.ip)] == []


def is_loopback(text: str) -> bool:
    address = ipaddress.ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def ask(server: Server, *metadata: tuple[str, str]) -> bytes:
    """Ask for Spark's version, in protobuf by hand: session, user, question."""
    session = str(uuid.uuid4()).encode()
    question = b"\x0a\x24" + session + b"\x12\x06\x0a\x04test" + b"\x52\x00"
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        call = channel.unary_unary("/spark.connect.SparkConnectService/AnalyzePlan")
        return call(question, metadata=metadata, timeout=60)


@pytest.mark.parametrize(
    "header", [("authorization", f"Bearer {TOKEN}"), (OWN, TOKEN)], ids=lambda pair: pair[0]
)
def test_it_answers_who_shows_the_token(server: Server, header: tuple[str, str]) -> None:
    assert SPEC.pyspark.encode() in ask(server, header)


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ((OWN, "another"),),
        ((OWN, TOKEN[:-1]),),
        ((OWN, f"Bearer {TOKEN}"),),
        (("authorization", TOKEN),),
        (("authorization", "Bearer another"),),
        (("authorization", f"Basic {TOKEN}"),),
        (("x-token", TOKEN),),
    ],
)
def test_it_refuses_who_does_not(server: Server, headers: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        ask(server, *headers)

    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert "carries no token of this server" in caught.value.details()
    assert TOKEN not in caught.value.details()


def test_services_beside_sparks_own_are_guarded_too(server: Server) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        service = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
        with pytest.raises(grpc.RpcError) as caught:
            list(channel.stream_stream(service)(iter([b"\x3a\x00"]), timeout=60))

    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_the_stack_finds_it_ready_by_the_token_only(server: Server) -> None:
    ConnectReadiness(server.port, TOKEN).check()
    with pytest.raises(wait.NotYet, match="UNAUTHENTICATED"):
        ConnectReadiness(server.port, "another").check()


def run_client(remote: str, python_path: str = "") -> str:
    environment = {key: value for key, value in os.environ.items() if key != TOKEN_VARIABLE}
    environment["SPARK_REMOTE"] = remote
    if python_path:
        environment["PYTHONPATH"] = python_path
    return process.run([sys.executable, "-c", CLIENT], env=environment, timeout_s=120)


def test_a_newer_client_gets_in_by_either_url(server: Server) -> None:
    for remote in (
        connect_url(SPEC, server.port, TOKEN),
        f"sc://localhost:{server.port}/;token={TOKEN}",
    ):
        assert run_client(remote).splitlines()[-1] == f"{SPEC.pyspark} 10"


@pytest.mark.skipif(
    not SPEC.supports_python(sys.version_info[:2]), reason="pyspark 3.5 wants an older Python"
)
def test_its_own_client_gets_in_by_the_exported_url(server: Server, engine: Engine) -> None:
    path = os.pathsep.join(map(str, engine.python_path))

    output = run_client(connect_url(SPEC, server.port, TOKEN), path)

    assert output.splitlines()[-1] == f"{SPEC.pyspark} 10"


def test_a_client_without_the_token_is_told_why(server: Server) -> None:
    with pytest.raises(CommandFailed, match="carries no token of this server"):
        run_client(f"sc://localhost:{server.port}")
