"""`spark-testkit doctor`: what this machine has, what it lacks, and how to mend that."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import metadata

import psutil
import typer
from rich.markup import escape

from spark_platform.kernel.docker.daemon import Daemon
from spark_platform.kernel.errors import PlatformError
from spark_testkit import ports
from spark_testkit.cli.output import Format, OutputOption, people, print_json
from spark_testkit.clusters.cluster import Wanted
from spark_testkit.clusters.kind.flavor import KindFlavor
from spark_testkit.engine import engine_spec, is_installed
from spark_testkit.engine.java import find_java
from spark_testkit.services import SERVICES, s3
from spark_testkit.settings import Settings
from spark_testkit.stack import Stack
from spark_testkit.variables import SPOILERS, proxies_for_localhost

__all__ = ["Check", "diagnose", "doctor"]

_MEMORY_NEEDED_GIB = 2.0
_DISK_NEEDED_GIB = 2.0
_GIB = 1024**3


@dataclass(frozen=True)
class Check:
    """One finding.

    Attributes:
        state: "ok"; "warning" when something optional is absent; "error" when `up` would fail.
        mend: what to do about it; empty when nothing is wrong.
    """

    name: str
    state: str
    detail: str
    mend: str = ""


def doctor(output: OutputOption = Format.TEXT) -> None:
    """Check this machine: Java, memory, disk, ports, S3, Docker, Go, kind; says how to mend it."""
    checks = diagnose(Settings.from_env(os.environ), os.environ)
    if output is Format.JSON:
        print_json({"checks": [asdict(check) for check in checks]})
    else:
        marks = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "error": "[red]✗[/]"}
        for check in checks:
            people.print(f" {marks[check.state]} {check.name:<10} {escape(check.detail)}")
            if check.mend:
                people.print(f"     [dim]{escape(check.mend)}[/]")
    if any(check.state == "error" for check in checks):
        raise typer.Exit(3)


def diagnose(settings: Settings, environ: Mapping[str, str]) -> list[Check]:
    """All findings about this machine.

    Args:
        environ: the environment the user works in.
    """
    return [
        _python(),
        _java(settings, environ),
        _memory(),
        _disk(settings),
        _ports(settings),
        _s3(settings),
        _engine(settings),
        _client(),
        _environment(environ),
        _docker(),
        _go(environ),
        _kind(settings),
    ]


def _python() -> Check:
    spec, release = engine_spec(), sys.version_info[:2]
    detail = f"{sys.version.split()[0]} at {sys.executable}"
    if spec.supports_python(release):
        return Check("python", "ok", detail)
    return Check(
        "python",
        "warning",
        f"{detail}: Python workers of engine {spec.version} are not tested on it",
        "use a Python from {}.{} to {}.{} for UDFs".format(
            *spec.python_minimum, *spec.python_maximum
        ),
    )


def _java(settings: Settings, environ: Mapping[str, str]) -> Check:
    try:
        java = find_java(engine_spec().java_minimum, environ=environ, cache_dir=settings.cache_dir)
    except PlatformError as error:
        return Check("java", "error", error.message, error.hint)
    return Check("java", "ok", f"{java.build} at {java.binary}")


def _memory() -> Check:
    available = psutil.virtual_memory().available / _GIB
    detail = f"{available:.1f} GiB available, {_MEMORY_NEEDED_GIB:g} GiB needed"
    if available >= _MEMORY_NEEDED_GIB:
        return Check("memory", "ok", detail)
    return Check("memory", "warning", detail, "close programs, or start fewer services")


def _disk(settings: Settings) -> Check:
    folder = settings.cache_dir
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / _GIB
    detail = f"{free:.1f} GiB free under {settings.cache_dir}, {_DISK_NEEDED_GIB:g} GiB needed"
    if free >= _DISK_NEEDED_GIB:
        return Check("disk", "ok", detail)
    return Check("disk", "error", detail, "free some space, or move it: SPARK_TESTKIT_CACHE_DIR")


def _ports(settings: Settings) -> Check:
    wanted = {port: kind.kind for kind in SERVICES.values() for port in kind.ports.values() if port}
    if Stack(settings=settings).status():
        return Check("ports", "ok", "the default stack is running")
    taken = []
    for port, service in wanted.items():
        try:
            ports.require_free(port, service=service)
        except PlatformError as error:
            taken.append(error.message)
    if taken:
        mend = "stop what holds them, or use free ports: `spark-testkit up --name NAME`"
        return Check("ports", "warning", "; ".join(taken), mend)
    return Check("ports", "ok", f"{', '.join(map(str, sorted(wanted)))} are free")


def _s3(settings: Settings) -> Check:
    try:
        server, program = s3.find_server(settings)
    except PlatformError as error:
        return Check("s3", "error", error.message, error.hint)
    return Check("s3", "ok", f"{server} at {program}")


def _engine(settings: Settings) -> Check:
    version = engine_spec().version
    if is_installed(version, settings):
        return Check("engine", "ok", f"{version} (Spark {engine_spec().pyspark}) is installed")
    mend = f"`spark-testkit engines install {version}`; `up` does it too"
    return Check("engine", "warning", f"{version} is not installed yet", mend)


def _client() -> Check:
    versions = {}
    for name in ("pyspark", "pyspark-client", "databricks-connect"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    detail = ", ".join(f"{name} {version}" for name, version in versions.items()) or "none"
    if "databricks-connect" in versions:
        mend = "databricks-connect replaces pyspark's modules; use it in an environment of its own"
        return Check("client", "error", detail, mend)
    if not versions:
        return Check("client", "warning", detail, "pip install 'pyspark[connect]'")
    return Check("client", "ok", detail)


def _environment(environ: Mapping[str, str]) -> Check:
    mends = {
        spoiler.name: f"`unset {spoiler.name}`: {spoiler.why}"
        for spoiler in SPOILERS
        if spoiler.name in environ
    }
    if proxies := proxies_for_localhost(environ):
        mends[", ".join(proxies)] = (
            "add localhost,127.0.0.1 to `no_proxy`, in small letters for gRPC: "
            "a stack cannot be reached through a proxy"
        )
    if not mends:
        return Check("variables", "ok", "nothing in the environment is in the way")
    return Check(
        "variables", "warning", f"in the way: {', '.join(mends)}", "; ".join(mends.values())
    )


def _docker() -> Check:
    try:
        with Daemon() as daemon:
            built = engine_spec().image in daemon.images()
            images = "images are built" if built else "no images yet: `spark-testkit images build`"
            return Check("docker", "ok", f"Docker {daemon.version}, {images}")
    except PlatformError as error:
        return Check("docker", "warning", error.message, f"only containers need it: {error.hint}")


def _go(environ: Mapping[str, str]) -> Check:
    program = shutil.which("go", path=environ.get("PATH"))
    if program:
        return Check("go", "ok", program)
    mend = "only building MinIO (else S3 is SeaweedFS), the service gcs and kind's node needs it"
    return Check("go", "warning", "not installed", mend)


def _kind(settings: Settings) -> Check:
    flavor = KindFlavor(settings)
    try:
        flavor.check(Wanted())
        node = flavor.node()
    except PlatformError as error:
        mend = f"only clusters of flavour kind need it: {error.hint}"
        return Check("kind", "warning", error.message, mend)
    if node:
        return Check("kind", "ok", f"clusters start from {node.reference}")
    mend = "the first `cluster up --flavor kind` pulls it, or builds it in a quarter of an hour"
    return Check("kind", "warning", "there is no node image yet", mend)
