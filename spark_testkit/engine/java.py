"""Which Java runs Spark here."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from spark_platform.kernel import process
from spark_platform.kernel.errors import CommandFailed, Missing
from spark_platform.kernel.files import write_atomically
from spark_testkit.engine.storage import read_json

__all__ = ["Java", "find_java", "parse_java"]

_HINT = (
    "install a Java {minimum} runtime (Debian and Ubuntu: openjdk-{minimum}-jre-headless; "
    "macOS: a JDK {minimum} package) and let JAVA_HOME name its folder, the one with bin/java in it"
)


@dataclass(frozen=True)
class Java:
    """A Java runtime.

    Attributes:
        binary: its ``java`` program, with symbolic links resolved.
        release: the feature release, such as 17.
        build: name and exact build of its virtual machine; a CDS archive fits one build only.
    """

    binary: Path
    release: int
    build: str

    @property
    def home(self) -> Path:
        """What JAVA_HOME should be for it."""
        return self.binary.parent.parent


def find_java(minimum: int, *, environ: Mapping[str, str], cache_dir: Path) -> Java:
    """The Java that JAVA_HOME names, else the one on PATH.

    Args:
        minimum: the oldest feature release that will do.
        environ: the environment to read.
        cache_dir: where the answer of ``java -version`` is kept, by program and time of change.

    Raises:
        Missing: there is none, it cannot be run, or it is older than ``minimum``.
    """
    hint = _HINT.format(minimum=minimum)
    binary = _located(environ, hint)
    java = _inspected(binary, cache_dir / "java.json", hint)
    if java.release < minimum:
        raise Missing(f"Java {java.release} at {binary} is older than Java {minimum}", hint=hint)
    return java


def _located(environ: Mapping[str, str], hint: str) -> Path:
    if home := environ.get("JAVA_HOME"):
        binary = Path(home) / "bin" / "java"
        if not binary.is_file():
            raise Missing(f"JAVA_HOME is {home}, and {binary} is not there", hint=hint)
        return binary.resolve()
    found = shutil.which("java", path=environ.get("PATH"))
    if found is None:
        raise Missing("no Java: JAVA_HOME is not set and PATH has no java", hint=hint)
    return Path(found).resolve()


def _inspected(binary: Path, record: Path, hint: str) -> Java:
    status = binary.stat()
    key = f"{binary}:{status.st_size}:{status.st_mtime_ns}"
    known = read_json(record).get(key)
    if known:
        return Java(binary, known["release"], known["build"])
    try:
        output = process.run([str(binary), "-XshowSettings:properties", "-version"], timeout_s=60)
    except CommandFailed as error:
        raise Missing(f"{binary} does not run: {error.message}", hint=hint) from error
    java = parse_java(binary, output)
    if java is None:
        raise Missing(f"{binary} does not say which Java it is", hint=hint)
    facts = {name: value for name, value in asdict(java).items() if name != "binary"}
    write_atomically(record, json.dumps({**read_json(record), key: facts}))
    return java


def parse_java(binary: Path, output: str) -> Java | None:
    """Read what ``java -XshowSettings:properties -version`` printed; None if it is not that."""
    properties = dict(re.findall(r"^ +([\w.]+) = (.*)$", output, flags=re.MULTILINE))
    release = properties.get("java.specification.version", "").removeprefix("1.")
    if not release.isdigit() or "java.vm.version" not in properties:
        return None
    build = f"{properties.get('java.vm.name', '')} {properties['java.vm.version']}".strip()
    return Java(binary, int(release), build)
