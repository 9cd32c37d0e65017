"""The files behind a plan's parts, fetched or made when an image is really built."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path

from spark_platform.kernel.errors import Missing
from spark_testkit.engine import Engine, EngineSpec, install, install_kafka
from spark_testkit.engine.catalogue import image_ground
from spark_testkit.engine.lockfile import read_kafka_lock, read_lock
from spark_testkit.engine.progress import Progress
from spark_testkit.engine.storage import sha256_of
from spark_testkit.images import packages, sbom
from spark_testkit.images.context import Entry, folder_entries
from spark_testkit.images.launching import launch_files
from spark_testkit.images.model import ImageSpec, Part
from spark_testkit.images.plan import (
    DISTRIBUTION,
    PROGRAMS,
    connect_jars,
    folder_identity,
    identity,
)
from spark_testkit.resources import resource
from spark_testkit.settings import Settings

__all__ = ["Materials", "program_versions", "sources_identity"]

_PACKAGES = ("spark_testkit", "spark_emulators", "spark_platform")
_NOT_WANTED = ("tests",)
# an installed wheel's copies of what lies beside the packages in a checkout
_DATA = ("_data",)


class Materials:
    """What images of one engine are made of.

    Args:
        machine: the processor of the images: ``x86_64`` or ``aarch64``.
        certificates: extra authorities by file name.
        on_line: told what is being fetched.
    """

    def __init__(
        self,
        spec: EngineSpec,
        settings: Settings,
        *,
        machine: str,
        certificates: Mapping[str, bytes],
        on_line: Callable[[str], None],
    ) -> None:
        self._spec = spec
        self._settings = settings
        self._machine = machine
        self._certificates = certificates
        self._on_line = on_line

    def context(self, image: ImageSpec) -> Iterator[Entry]:
        """Every file of an image's build context."""
        for part in image.parts:
            for entry in self._entries(part, image):
                yield entry.under(part.target)

    def _entries(self, part: Part, image: ImageSpec) -> Iterator[Entry]:
        source, _, layer = part.source.partition(":")
        match source:
            case "folder":
                return folder_entries(resource(f"images/{layer}"))
            case "program":
                return _program(layer, self._settings)
            case "kafka":
                return self._kafka()
            case "certificates":
                files = (Entry(name, data) for name, data in self._certificates.items())
                return iter([Entry("extra", None), *files])
            case "packages":
                return self._packages(packages.engine_lock(self._spec))
            case "testkit-packages":
                return self._packages(packages.servers_lock())
            case "dev-packages":
                engine = packages.engine_lock(self._spec)
                return self._packages(packages.beside(packages.testkit_lock(), engine))
            case "sources":
                return _sources()
            case "spark":
                return self._spark()
            case "connect":
                return self._jars(connect=True)
            case "guard":
                return self._guard()
            case "connectors":
                return self._jars(connect=False)
            case "launch":
                own = {**launch_files(self._spec), "classpath/10-spark": self._class_path(True)}
                return (Entry(name, data) for name, data in own.items())
            case "connectors-classpath":
                return iter([Entry("classpath/20-connectors", self._class_path(False))])
            case "rooms":
                return (Entry(room, None) for room in part.identity.split())
            case "sbom":
                components = json.dumps(list(self._components(image)), indent=1).encode()
                return iter([Entry(f"{image.layer}.json", components)])
        raise AssertionError(f"no material is called {part.source}")

    @cached_property
    def _engine(self) -> Engine:
        return install(self._spec.version, self._settings, progress=self._tell)

    def _tell(self, progress: Progress) -> None:
        self._on_line(progress.detail)

    def _kafka(self) -> Iterator[Entry]:
        kafka = install_kafka(self._settings, progress=self._tell)
        return (Entry(jar.name, jar) for jar in kafka.jars)

    def _packages(self, lock: Mapping[str, str]) -> Iterator[Entry]:
        folder = packages.fetched(
            lock, image_ground(), self._machine, self._settings.cache_dir, self._on_line
        )
        # tests of packages and headers for C are for those who build packages
        return folder_entries(folder, without=("tests", "include"))

    def _spark(self) -> Iterator[Entry]:
        """The wheel's files where Spark's own distribution has them."""
        home = self._engine.spark_home
        for entry in folder_entries(home):
            top, _, rest = entry.path.partition("/")
            if top in DISTRIBUTION and not entry.path.endswith(".cmd"):
                # a wheel's installer need not keep who may run a file
                yield Entry(entry.path, entry.content, top in ("bin", "sbin"))
            elif top == "python" and rest.startswith("lib/"):
                yield entry
            elif top not in (*DISTRIBUTION, *_NOT_WANTED, "python"):
                yield entry.under("python/pyspark")
        metadata = f"Metadata-Version: 2.1\nName: pyspark\nVersion: {self._spec.pyspark}\n"
        name = f"python/pyspark-{self._spec.pyspark}.dist-info"
        yield Entry(f"{name}/METADATA", metadata.encode())
        yield Entry("conf", None)

    def _own_jars(self, connect: bool) -> list[Path]:
        """The engine's jars beyond Spark's wheel and our guard: Connect's, or all the others."""
        locked = read_lock(self._spec.version)
        of_connect = {jar.coordinate.file_name for jar in connect_jars(self._spec, locked)}
        names = {jar.coordinate.file_name for jar in locked}
        return [
            jar
            for jar in self._engine.jars
            if jar.name in names
            and jar.parent != self._engine.spark_home / "jars"
            and (jar.name in of_connect) is connect
        ]

    def _guards(self) -> list[Path]:
        return list(self._engine.jars[-1:]) if self._spec.guard_compiler else []

    def _jars(self, connect: bool) -> Iterator[Entry]:
        return (Entry(jar.name, jar) for jar in self._own_jars(connect))

    def _guard(self) -> Iterator[Entry]:
        return (Entry("spark-connect-guard.jar", jar) for jar in self._guards())

    def _class_path(self, spark: bool) -> bytes:
        if spark:
            home = self._engine.spark_home / "jars"
            own = [jar.name for jar in self._engine.jars if jar.parent == home]
            names = [*own, *(jar.name for jar in self._own_jars(True))]
            names += ["spark-connect-guard.jar" for _ in self._guards()]
        else:
            names = [jar.name for jar in self._own_jars(False)]
        return "".join(f"/opt/spark/jars/{name}\n" for name in names).encode()

    def _components(self, image: ImageSpec) -> Iterator[sbom.Component]:
        for part in image.parts:
            match part.source:
                case "packages":
                    yield from _python(packages.engine_lock(self._spec))
                case "testkit-packages":
                    yield from _python(packages.servers_lock())
                case "dev-packages":
                    engine = packages.engine_lock(self._spec)
                    yield from _python(packages.beside(packages.testkit_lock(), engine))
                case "spark":
                    yield sbom.python_component("pyspark", self._spec.pyspark)
                    home = self._engine.spark_home / "jars"
                    for jar in sorted(home.glob("*.jar")):
                        yield sbom.plain_jar(jar.name, sha256_of(jar))
                case "connect" | "connectors":
                    wanted = {jar.name for jar in self._own_jars(part.source == "connect")}
                    for locked in read_lock(self._spec.version):
                        if locked.coordinate.file_name in wanted:
                            yield sbom.jar_component(locked)
                case "kafka":
                    yield from map(sbom.jar_component, read_kafka_lock())
                case _ if image.layer in PROGRAMS and part.source.startswith("program:"):
                    program = PROGRAMS[image.layer]
                    yield {
                        "type": "application",
                        "name": program.name,
                        "version": image.version,
                        "purl": f"pkg:golang/{program.module}@{image.version}",
                    }


def _python(lock: Mapping[str, str]) -> Iterator[sbom.Component]:
    return (sbom.python_component(*packages.version_of(pin)) for pin in lock)


def _source_folders() -> Iterator[tuple[str, Path]]:
    import importlib.util

    for name in _PACKAGES:
        found = importlib.util.find_spec(name)
        if found and found.submodule_search_locations:
            yield name, Path(next(iter(found.submodule_search_locations)))


def _sources() -> Iterator[Entry]:
    for name, folder in _source_folders():
        for entry in folder_entries(folder, without=_DATA):
            yield entry.under(name)
    # a checkout has it beside the package
    data = resource("images/engines.toml").read_bytes()
    yield Entry("spark_testkit/_data/images/engines.toml", data)


def sources_identity() -> str:
    """Identity of the toolkit's own Python sources."""
    folders = [folder_identity(folder, without=_DATA) for _, folder in _source_folders()]
    return identity([*folders, resource("images/engines.toml").read_bytes()])


def _program(layer: str, settings: Settings) -> Iterator[Entry]:
    program = PROGRAMS[layer]
    path = program.built(settings)
    if path is None:
        raise Missing(
            f"there is no {program.title} in the cache to put into the image",
            hint=f"`make {program.target}`",
        )
    return iter([Entry(program.name, path, True)])


def program_versions(settings: Settings) -> dict[str, str]:
    """Layer → version of its program in the cache, for those that are there."""
    found = {layer: program.version(settings) for layer, program in PROGRAMS.items()}
    return {layer: version for layer, version in found.items() if version}
