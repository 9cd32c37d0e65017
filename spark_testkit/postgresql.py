"""A PostgreSQL server of one's own, for tests and benchmarks of what keeps its state in one."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from spark_platform.kernel.errors import CommandFailed, Missing
from spark_testkit.ports import free_ports

__all__ = ["HINT", "programs", "run_program", "server"]

HINT = "`apt-get install postgresql`"
_DEBIAN = Path("/usr/lib/postgresql")
_TIMEOUT_S = 60


def programs() -> Path | None:
    """The folder of the server's programs, which Debian keeps from the PATH; None without any."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    return next((each.parent for each in sorted(_DEBIAN.glob("*/bin/initdb"), reverse=True)), None)


@contextlib.contextmanager
def server(*, durable: bool = True) -> Iterator[str]:
    """A running server; yields the URL of its databases, to which a name is to be added.

    Args:
        durable: whether what it has committed outlives the machine's fall; without, it is quicker.

    Raises:
        Missing: its programs are not installed.
        CommandFailed: it does not start.
    """
    # without it, its user may be missing too
    _folder()
    user = _user()
    with tempfile.TemporaryDirectory(prefix="postgres-") as home:
        data = Path(home) / "data"
        data.mkdir(mode=0o700)
        if user:
            shutil.chown(home, user)
            shutil.chown(data, user)
        (port,) = free_ports(1)
        run_program(
            data, "initdb", "--auth=trust", "--username=test", "--no-sync", "--encoding=UTF8"
        )
        synced = "on" if durable else "off"
        options = f"-p {port} -k {home} -c listen_addresses=127.0.0.1 -c fsync={synced}"
        run_program(data, "pg_ctl", "-w", "-l", f"{home}/log", "-o", options, "start")
        try:
            yield f"postgresql+psycopg://test@127.0.0.1:{port}/"
        finally:
            run_program(data, "pg_ctl", "-m", "immediate", "stop")


def run_program(data: Path, program: str, *arguments: str) -> None:
    """Run one of the server's programs as whoever the server runs as.

    Args:
        data: the server's folder of data.

    Raises:
        Missing: it is not installed.
        CommandFailed: it failed.
    """
    argv = [str(_folder() / program), "-D", str(data), *arguments]
    done = subprocess.run(
        argv, user=_user(), cwd=data.parent, capture_output=True, text=True, timeout=_TIMEOUT_S
    )
    if done.returncode:
        raise CommandFailed(argv, done.returncode, done.stdout + done.stderr)


def _folder() -> Path:
    folder = programs()
    if folder is None:
        raise Missing("PostgreSQL is not installed", hint=HINT)
    return folder


def _user() -> str | None:
    """Nobody who may do everything."""
    return "postgres" if os.geteuid() == 0 else None
