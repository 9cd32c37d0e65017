"""Runs a job as processes of this machine, in a working folder that goes with it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from spark_emulators.emr.jobs import SparkJob, properties, submit_argv
from spark_emulators.emr.settings import Settings
from spark_platform.kernel.files import private_folder, write_atomically

__all__ = ["Execution", "ProcessRunner", "Runner", "tail"]

_TAIL_BYTES = 64 * 1024


# a shell's that make pyspark a client of some other Spark
_NOT_OF_JOBS = frozenset(
    {
        "MASTER",
        "SPARK_API_MODE",
        "SPARK_CONNECT_MODE_ENABLED",
        "SPARK_LOCAL_REMOTE",
        "SPARK_REMOTE",
    }
)


class Execution(Protocol):
    """A job that runs, or has ended and whose output is still there."""

    logs: Mapping[str, Path]
    """Its output so far, by name: ``stdout`` and ``stderr``."""

    def wait(self, timeout_s: float) -> int | None:
        """Its exit code; None where it has not ended within ``timeout_s``."""

    def ask_to_end(self) -> None:
        """Ask all of it to end, and do not wait."""

    def kill(self) -> None:
        """End all of it now."""

    def close(self) -> None:
        """Kill what runs and forget its output."""


class Runner(Protocol):
    """Where jobs run."""

    def start(self, job: SparkJob, spark_home: Path, name: str) -> Execution:
        """Start ``job``; raises OSError where that is impossible."""


class ProcessRunner:
    """Each job is a ``spark-submit`` in client mode, below a guard; see ``guard``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def start(self, job: SparkJob, spark_home: Path, name: str) -> Execution:
        private_folder(self._settings.temp_dir)
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self._settings.temp_dir))
        try:
            return self._start_in(folder, job, spark_home)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def _start_in(self, folder: Path, job: SparkJob, spark_home: Path) -> ProcessExecution:
        settings = self._settings
        work, temp = folder / "work", folder / "tmp"
        work.mkdir()
        temp.mkdir()
        defaults = {key: value.get_secret_value() for key, value in settings.spark_defaults.items()}
        text = properties(defaults, job)
        with contextlib.suppress(OSError):
            # --properties-file replaces the installation's own file, so that goes before ours
            text = (spark_home / "conf" / "spark-defaults.conf").read_text() + "\n" + text
        file = write_atomically(folder / "spark.properties", text)
        return ProcessExecution(
            folder,
            submit_argv(spark_home, job, file, settings.cores),
            self._environment(spark_home, temp),
            work,
        )

    def _environment(self, spark_home: Path, temp: Path) -> dict[str, str]:
        settings = self._settings
        own = {key: value.get_secret_value() for key, value in settings.environment.items()}
        options = own.get("SPARK_SUBMIT_OPTS", os.environ.get("SPARK_SUBMIT_OPTS", ""))
        python = {"PYSPARK_PYTHON": str(settings.python)} if settings.python else {}
        java = {"JAVA_HOME": str(settings.java_home)} if settings.java_home else {}
        inherited = {key: value for key, value in os.environ.items() if key not in _NOT_OF_JOBS}
        return {
            **inherited,
            **python,
            **java,
            **own,
            "SPARK_HOME": str(spark_home),
            "SPARK_LOCAL_DIRS": str(temp),
            "TMPDIR": str(temp),
            "SPARK_SUBMIT_OPTS": f'"-Djava.io.tmpdir={temp}" {options}'.strip(),
        }


class ProcessExecution:
    """See ``Execution``."""

    def __init__(
        self, folder: Path, argv: list[str], environment: Mapping[str, str], work: Path
    ) -> None:
        self.logs: Mapping[str, Path] = {name: folder / name for name in ("stdout", "stderr")}
        self._folder = folder
        with open(self.logs["stdout"], "wb") as stdout, open(self.logs["stderr"], "wb") as stderr:
            self._guard = subprocess.Popen(
                [sys.executable, "-m", "spark_emulators.emr.guard", str(folder), *argv],
                # held open for as long as the job may run; see guard
                stdin=subprocess.PIPE,
                stdout=stdout,
                stderr=stderr,
                env=environment,
                cwd=work,
                # a Ctrl-C at the server's terminal is the server's to answer
                start_new_session=True,
            )

    def wait(self, timeout_s: float) -> int | None:
        try:
            return self._guard.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def ask_to_end(self) -> None:
        if self._guard.poll() is None:
            self._guard.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        stdin = self._guard.stdin
        assert stdin is not None
        if not stdin.closed:
            with contextlib.suppress(BrokenPipeError), stdin:
                # an end without a word would mean that this server is gone
                stdin.write(b".")

    def close(self) -> None:
        self.kill()
        self._guard.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def tail(path: Path) -> list[str]:
    """The last lines of a log."""
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL_BYTES))
        return file.read().decode(errors="replace").splitlines()
