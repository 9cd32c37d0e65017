"""Ivy, the dependency manager inside every pyspark: how jars arrive with nothing but Java.

No registry is named here: Ivy's own default repository is used, as Spark's ``--packages`` does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

from spark_platform.kernel import process
from spark_platform.kernel.files import write_atomically
from spark_testkit.engine.catalogue import Coordinate
from spark_testkit.engine.java import Java

__all__ = ["Ivy", "arrived"]

_ARRIVED = re.compile(r"\[SUCCESSFUL \] (?P<group>\S+)#(?P<artifact>[^;\s]+);(?P<version>[^!\s]+)!")
# the path is the coordinate, so what Ivy chose can be read from the files it left
_PATTERN = "[organisation]/[module]/[revision]/[artifact](-[classifier]).[ext]"
_TIMEOUT_S = 1800


def arrived(line: str) -> Coordinate | None:
    """The jar whose download a line of Ivy's output ends, if it ends one.

    Ivy does not say its classifier.
    """
    match = _ARRIVED.search(line)
    return Coordinate(match["group"], match["artifact"], match["version"]) if match else None


class Ivy:
    """One Ivy with a cache folder of its own.

    Args:
        java: what runs it.
        program: Ivy's jar.
        folder: an empty folder for its cache and settings.
        repository: URL of a Maven-shaped repository in place of Ivy's default one.
    """

    def __init__(
        self, java: Java, program: Path, folder: Path, *, repository: str | None = None
    ) -> None:
        self._java = java
        self._program = program
        self._folder = folder
        self._repository = repository

    def path(self, coordinate: Coordinate) -> Path:
        """Where a jar that arrived lies."""
        name = "-".join(filter(None, (coordinate.artifact, coordinate.classifier)))
        module = self._folder / coordinate.group / coordinate.artifact
        return module / coordinate.version / f"{name}.jar"

    def fetch(self, jars: Iterable[Coordinate], *, on_line: Callable[[str], None]) -> None:
        """Download exactly these jars; descriptors and checksum files are not even asked for.

        The caller checks each jar by the hash it knows, which is worth more than the
        checksum a repository would hand out beside it.

        Raises:
            CommandFailed: Ivy could not get all of them.
        """
        dependencies = [
            _dependency(jar, "transitive='false' conf='default->default'") for jar in jars
        ]
        settings = self._settings("<property name='ivy.checksums' value=''/>", "usepoms='false'")
        self._run(settings, dependencies, on_line=on_line)

    def resolve(
        self, wanted: Sequence[Coordinate], excluded: Sequence[str]
    ) -> tuple[tuple[Coordinate, Path], ...]:
        """Download jars with all they need at run time, and say what that came to.

        What is wanted is had in that version, also where something else asks for a newer one.

        Args:
            excluded: ``group:artifact`` of modules to leave out; ``*`` stands for any group.

        Raises:
            CommandFailed: Ivy could not resolve or get something.
        """
        rules = [
            f"<exclude org={quoteattr(group)} module={quoteattr(artifact)}/>"
            for group, artifact in (module.split(":") for module in excluded)
        ]
        # a jar with a classifier has inside what its module would ask for
        dependencies = [
            _dependency(
                jar,
                "transitive='false' conf='default->master'"
                if jar.classifier
                else "conf='default->compile,runtime,master'",
            )
            for jar in wanted
        ]
        rules += [
            f"<override org={quoteattr(jar.group)} module={quoteattr(jar.artifact)} "
            f"rev={quoteattr(jar.version)}/>"
            for jar in wanted
        ]
        listing = self._folder / "classpath.txt"
        self._run(self._settings("", ""), [*dependencies, *rules], "-cachepath", str(listing))
        paths = [Path(text) for text in listing.read_text().strip().split(":")]
        return tuple((self._coordinate(path), path) for path in paths)

    def _coordinate(self, path: Path) -> Coordinate:
        """What Ivy chose, from where it put it."""
        group, artifact, version, _ = path.relative_to(self._folder).parts
        return Coordinate(group, artifact, version, path.stem[len(artifact) + 1 :])

    def _settings(self, properties: str, resolver: str) -> str:
        root = f"root={quoteattr(self._repository)}" if self._repository else ""
        return f"""<ivysettings>
  {properties}
  <settings defaultResolver="default"/>
  <caches defaultCacheDir={quoteattr(str(self._folder))} artifactPattern="{_PATTERN}"/>
  <resolvers><ibiblio name="default" m2compatible="true" {resolver} {root}/></resolvers>
</ivysettings>
"""

    def _run(
        self,
        settings: str,
        dependencies: Sequence[str],
        *options: str,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        module = "\n    ".join(dependencies)
        settings_file = write_atomically(self._folder / "ivysettings.xml", settings)
        module_file = write_atomically(
            self._folder / "ivy.xml",
            f"""<ivy-module version="2.0" xmlns:m="http://ant.apache.org/ivy/maven">
  <info organisation="spark-testkit" module="engine"/>
  <configurations><conf name="default"/></configurations>
  <dependencies>
    {module}
  </dependencies>
</ivy-module>
""",
        )
        process.run(
            [
                str(self._java.binary),
                "-cp",
                str(self._program),
                "org.apache.ivy.Main",
                "-settings",
                str(settings_file),
                "-ivy",
                str(module_file),
                *options,
            ],
            timeout_s=_TIMEOUT_S,
            on_line=on_line,
            dies_with_caller=True,
        )


def _dependency(jar: Coordinate, attributes: str) -> str:
    name = quoteattr(jar.artifact)
    start = (
        f"<dependency org={quoteattr(jar.group)} name={name} rev={quoteattr(jar.version)} "
        f"{attributes}"
    )
    if not jar.classifier:
        return f"{start}/>"
    which = f"<artifact name={name} type='jar' ext='jar' m:classifier={quoteattr(jar.classifier)}/>"
    return f"{start}>{which}</dependency>"
