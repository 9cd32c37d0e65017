"""What a development container holds beside Spark: a local S3 and a mock Unity Catalog.

An init script of the image (``images/spark-platform-dev``) runs this module before Spark starts. It
plans the very services that a stack has, tells Spark where they are, and keeps them: when one of
them dies, so does the container. A server that the environment names is used instead of ours.
"""

from __future__ import annotations

import os
import secrets
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from spark_platform.kernel import process, wait
from spark_platform.kernel.errors import PlatformError
from spark_platform.kernel.files import write_atomically
from spark_testkit.service import TEMPORARY, Place, PlanContext, ServiceRequest, ServiceSpec
from spark_testkit.services import s3, unity_catalog
from spark_testkit.services.spark_connect import table_conf
from spark_testkit.settings import Settings

__all__ = ["main", "planned"]

_S3_PORT, _CATALOG_PORT = 9000, 8080
# SeaweedFS's other servers; nobody but itself has to know them
_S3_INNER_PORTS = range(19000, 19009)
_READY_TIMEOUT_S = 60
_STEP_S = 0.2
_STORE = ("AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


def planned(
    environ: Mapping[str, str], folder: Path
) -> tuple[dict[str, ServiceSpec], tuple[ServiceSpec, ...]]:
    """All services by kind, and those of them to start here, in order.

    Args:
        environ: names servers to use instead of ours: ``AWS_ENDPOINT_URL_S3`` with its keys, and
            ``ICEBERG_REST_URI``.
    """
    keys = {
        "s3_access_key": environ.get("AWS_ACCESS_KEY_ID") or secrets.token_hex(10),
        "s3_secret_key": environ.get("AWS_SECRET_ACCESS_KEY") or secrets.token_urlsafe(24),
    }
    peers: dict[str, ServiceSpec] = {}
    own = []
    if all(environ.get(name) for name in _STORE):
        peers["s3"] = _elsewhere(
            "s3", {**{name: environ[name] for name in _STORE}, "AWS_REGION": _region(environ)}
        )
    else:
        inner = (name for name, port in s3.SERVICE.ports.items() if port is None)
        ports = {"api": _S3_PORT, **dict(zip(inner, _S3_INNER_PORTS, strict=True))}
        peers["s3"] = s3.SERVICE.plan(_context("s3", folder, ports, keys, peers))
        own.append(peers["s3"])
    if uri := environ.get("ICEBERG_REST_URI"):
        peers["unity-catalog"] = _elsewhere("unity-catalog", {"ICEBERG_REST_URI": uri})
    else:
        context = _context("unity-catalog", folder, {"api": _CATALOG_PORT}, keys, peers)
        peers["unity-catalog"] = unity_catalog.SERVICE.plan(context)
        own.append(peers["unity-catalog"])
    return peers, tuple(own)


def _region(environ: Mapping[str, str]) -> str:
    return environ.get("AWS_REGION") or s3.REGION


def _elsewhere(kind: str, exports: Mapping[str, str]) -> ServiceSpec:
    readiness = s3.S3Readiness(exports, s3.WAREHOUSE_BUCKET)
    return ServiceSpec(kind, (), "", readiness, exports=exports)


def _context(
    kind: str,
    folder: Path,
    ports: Mapping[str, int],
    keys: Mapping[str, str],
    peers: Mapping[str, ServiceSpec],
) -> PlanContext:
    # the container's own interface: who reaches it is up to who runs the container
    place = Place(listen="0.0.0.0")  # noqa: S104
    request, settings = ServiceRequest.of(kind), Settings(folder, folder)
    return PlanContext(request, folder / kind, folder, ports, keys, dict(peers), settings, place)


def main(arguments: Sequence[str]) -> int:
    """Write what Spark has to know, start the services, and stay until one of them ends."""
    folder = Path(arguments[0])
    spark = os.getppid()
    peers, own = planned(os.environ, folder)
    _tell(folder, peers)
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        if not any(spec.name == "s3" for spec in own):
            _await(peers["s3"])
        for spec in own:
            running[spec.name] = _started(folder, spec)
            _await(spec, running[spec.name])
        wait.poll(lambda: _someone_ended(running), what="", timeout_s=float("inf"), interval_s=1)
    except PlatformError as error:
        sys.stderr.write(f"surroundings: {error}\n")
    os.kill(spark, signal.SIGTERM)
    return 1


def _tell(folder: Path, peers: Mapping[str, ServiceSpec]) -> None:
    conf = "".join(f"{key}={value}\n" for key, value in table_conf(peers).items())
    write_atomically(folder / "spark-defaults.conf", conf)
    exports = {name: value for spec in peers.values() for name, value in spec.exports.items()}
    lines = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in exports.items())
    # last: the init script waits for it
    write_atomically(folder / "environment", lines)


def _started(folder: Path, spec: ServiceSpec) -> subprocess.Popen[bytes]:
    home = folder / spec.name
    (home / TEMPORARY).mkdir(parents=True, exist_ok=True)
    for path, content in spec.files.items():
        write_atomically(path, content)
    environment = {**os.environ, **spec.environment, "TMPDIR": str(home / TEMPORARY)}
    argv, in_child = process.bound(spec.argv, environment)
    return subprocess.Popen(
        argv,
        cwd=home,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=(home / "log").open("wb"),
        stderr=subprocess.STDOUT,
        preexec_fn=in_child,
    )


def _await(spec: ServiceSpec, server: subprocess.Popen[bytes] | None = None) -> None:
    def check() -> None:
        if server is not None and server.poll() is not None:
            _someone_ended({spec.name: server})
        else:
            spec.readiness.check()

    wait.poll(check, what=f"{spec.name} to work", timeout_s=_READY_TIMEOUT_S, interval_s=_STEP_S)


def _someone_ended(running: Mapping[str, subprocess.Popen[bytes]]) -> None:
    for name, server in running.items():
        if server.poll() is not None:
            sys.stderr.write(f"surroundings: {name} exited with {server.returncode}\n")
            return
    raise wait.NotYet("all of them run")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        raise SystemExit(main(sys.argv[1:] or [scratch]))
