"""The programs of a kind cluster, built from Go modules into the cache, each once.

What they are built from is locked: `images/kind-node/go` has a go.sum for each of its modules.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from spark_platform.kernel import process
from spark_platform.kernel.errors import CommandFailed, Missing, Terminal
from spark_testkit.clusters.kind.host import find_go
from spark_testkit.clusters.kind.plan import version_flags
from spark_testkit.engine.catalogue import kind_spec
from spark_testkit.engine.progress import OnProgress, Progress
from spark_testkit.engine.storage import exclusive
from spark_testkit.images.context import folder_entries
from spark_testkit.resources import resource
from spark_testkit.settings import Settings

__all__ = ["Programs"]

# Kubernetes on a slow machine that has something else to do
_BUILD_TIMEOUT_S = 3600
_SOURCES = "images/kind-node/go"
_GO_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class _Program:
    """How one is built: in which module, from which package of it or of what it requires."""

    module: str
    package: str
    of_node: bool = True


_PROGRAMS: Mapping[str, _Program] = {
    "kind": _Program("kind", "sigs.k8s.io/kind", of_node=False),
    "pause": _Program(".", "./pause"),
    "etcd": _Program(".", "./etcd"),
    "coredns": _Program("coredns", "."),
    # all of its own programs in one, by the name it is called
    "kubernetes": _Program(".", "./kubernetes"),
}


class Programs:
    """The programs in the cache, for nodes of one kind of machine.

    Args:
        machine: the Docker engine's: ``x86_64`` or ``aarch64``.
    """

    NODE = tuple(name for name, program in _PROGRAMS.items() if program.of_node)

    def __init__(self, settings: Settings, machine: str) -> None:
        self._cache_dir = settings.cache_dir
        self._machine = machine
        self.identity = _identity(machine)
        self._folder = settings.cache_dir / "bin" / f"kind-{self.identity}"

    def path(self, name: str) -> Path:
        """Where a program is, or would be."""
        return self._folder / name

    def kind(self, progress: OnProgress) -> Path:
        """The program kind: the cache's; built there; or, without Go, the user's own.

        Raises:
            Missing: neither Go nor kind is installed.
        """
        try:
            self.ensure(["kind"], progress)
        except Missing as error:
            installed = shutil.which("kind")
            if installed is None:
                raise Missing(error.message, hint=f"{error.hint}; or install kind") from error
            return Path(installed)
        return self.path("kind")

    def has_kind(self) -> bool:
        """Whether the program kind is here, in the cache or installed."""
        return self.path("kind").exists() or shutil.which("kind") is not None

    def kind_sources(self) -> Path:
        """The folder of kind's source, whose files a node's image takes.

        Raises:
            Missing: no Go.
            Terminal: it could not be fetched.
        """
        go, folder = find_go(os.environ), resource(_SOURCES) / "kind"
        with _explained("kind's source"):
            process.run([go, "mod", "download", "sigs.k8s.io/kind"], cwd=folder, env=_environment())
            listed = process.run(
                [go, "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kind"],
                cwd=folder,
                env=_environment(),
            )
        return Path(listed.splitlines()[-1])

    def ensure(self, names: Iterable[str], progress: OnProgress) -> None:
        """Have programs, building those that are not there.

        Raises:
            Missing: something has to be built, and there is no Go that can.
            Terminal: a build failed, or a disk is full.
            TimedOut: a build, or another process that builds, takes too long.
        """
        names = tuple(names)
        if all(self.path(name).exists() for name in names):
            return
        go = find_go(os.environ)
        with exclusive(
            self._cache_dir / "kind.lock",
            purpose="building the programs of kind clusters",
            timeout_s=_BUILD_TIMEOUT_S,
            on_wait=lambda holder: progress(Progress("wait", f"for {holder}", 0, 1)),
        ):
            self._folder.mkdir(parents=True, exist_ok=True)
            for name in names:
                if not self.path(name).exists():
                    self._build(go, name, progress)

    def _build(self, go: str, name: str, progress: OnProgress) -> None:
        program = _PROGRAMS[name]
        flags = "-s -w"
        if name == "kubernetes":
            flags += f" {version_flags(kind_spec().kubernetes)}"
        target = {"GOOS": "linux", "GOARCH": _GO_MACHINES[self._machine]} if program.of_node else {}
        unfinished = self._folder / f".{name}"

        def tell(detail: str, done: int = 0) -> None:
            progress(Progress(f"build {name}", detail, done, 1))

        tell("with Go, some ten minutes the first time" if name == "kubernetes" else "with Go")
        with _explained(name):
            process.run(
                [
                    *(go, "build", "-v", "-trimpath", "-ldflags", flags),
                    *("-o", str(unfinished), program.package),
                ],
                cwd=resource(_SOURCES) / program.module,
                env={**_environment(), **target},
                timeout_s=_BUILD_TIMEOUT_S,
                on_line=tell,
                dies_with_caller=True,
            )
        os.replace(unfinished, self.path(name))
        tell(f"{self.path(name).stat().st_size / 1e6:.0f} MB", 1)


def _identity(machine: str) -> str:
    """Twelve hex digits that differ where what is built does."""
    digest = hashlib.sha256()
    facts = [asdict(kind_spec()), machine, sys.platform, platform.machine()]
    digest.update(json.dumps(facts).encode())
    for entry in folder_entries(resource(_SOURCES)):
        assert isinstance(entry.content, Path)
        digest.update(f"{entry.path}\0".encode() + entry.content.read_bytes())
    return digest.hexdigest()[:12]


def _environment() -> dict[str, str]:
    """Go's: static programs, and the Go that the modules ask for, where the one here is older."""
    own = {
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": os.environ.get("GOTOOLCHAIN", "auto"),
        "GOWORK": "off",
    }
    return {**os.environ, **own}


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except CommandFailed as error:
        if "no space left on device" in error.output:
            raise Terminal(
                f"no space left on a disk, building {what}",
                hint="Go takes some 4 GB: `go env GOCACHE GOMODCACHE` and TMPDIR say where",
            ) from error
        raise CommandFailed(
            error.argv,
            error.returncode,
            error.output,
            hint="Go fetches modules through `go env GOPROXY`: can this machine reach it?",
        ) from error
