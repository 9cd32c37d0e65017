"""A PostgreSQL server of a test run's own."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from requirements import need
from spark_testkit.ports import free_ports

_DEBIAN = Path("/usr/lib/postgresql")
_TIMEOUT_S = 60


def programs() -> Path | None:
    """The folder of the server's programs, which Debian keeps from the PATH."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    return next((each.parent for each in sorted(_DEBIAN.glob("*/bin/initdb"), reverse=True)), None)


@contextlib.contextmanager
def server() -> Iterator[str]:
    """A running server; yields the URL of its databases, to which a name is to be added."""
    folder = programs()
    need("postgresql", folder is not None, "`apt-get install postgresql`")
    assert folder is not None
    # it runs as nobody who may do everything
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="postgres-") as home:
        data = Path(home) / "data"
        data.mkdir(mode=0o700)
        if user:
            shutil.chown(home, user)
            shutil.chown(data, user)

        def run(program: str, *arguments: str) -> None:
            done = subprocess.run(
                [str(folder / program), "-D", str(data), *arguments],
                user=user, cwd=home, capture_output=True, text=True, timeout=_TIMEOUT_S,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr

        (port,) = free_ports(1)
        run("initdb", "--auth=trust", "--username=test", "--no-sync", "--encoding=UTF8")
        options = f"-p {port} -k {home} -c listen_addresses=127.0.0.1 -c fsync=off"
        run("pg_ctl", "-w", "-l", f"{home}/log", "-o", options, "start")
        try:
            yield f"postgresql+psycopg://test@127.0.0.1:{port}/"
        finally:
            run("pg_ctl", "-m", "immediate", "stop")
