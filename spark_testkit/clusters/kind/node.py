"""The image that nodes run: the plain one where it can be had, else one of packages.

Ours is tagged with a hash of what goes into it, and built once. The images of the control plane are
put into a container of it by a containerd there, and the container is committed.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from spark_platform.kernel.docker.daemon import Daemon, docker_errors
from spark_platform.kernel.errors import Terminal
from spark_testkit.clusters.kind.host import withholds_sys_resource
from spark_testkit.clusters.kind.plan import reference_names
from spark_testkit.clusters.kind.programs import Programs
from spark_testkit.engine.catalogue import image_ground, kind_spec
from spark_testkit.engine.progress import OnProgress, Progress
from spark_testkit.engine.storage import exclusive
from spark_testkit.images.base import ensure_base
from spark_testkit.images.context import Entry, folder_entries, write_context
from spark_testkit.resources import resource
from spark_testkit.settings import Settings

__all__ = ["NodeImage", "build_node", "find_node", "have_node"]

_FOLDER = "images/kind-node"
_REPOSITORY = "kind-node"
_LOCK_TIMEOUT_S = 3600.0
_IMPORT = "/import"
# as in node/Dockerfile: a commit keeps what the container was started with
_CHANGES = 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]\nCMD []'


@dataclass(frozen=True)
class NodeImage:
    """A node's image.

    Attributes:
        reference: its name.
        built_here: whether it is ours.
    """

    reference: str
    built_here: bool


def find_node(daemon: Daemon, programs: Programs) -> NodeImage | None:
    """The node's image that is here already: the plain one or ours."""
    if daemon.image(kind_spec().node):
        return NodeImage(kind_spec().node, built_here=False)
    ours = _reference(programs)
    return NodeImage(ours, built_here=True) if daemon.image(ours) else None


def have_node(
    daemon: Daemon, programs: Programs, settings: Settings, progress: OnProgress
) -> NodeImage:
    """The node's image: the one that is here, else a registry's, else built.

    Raises:
        Missing: it has to be built, and Go or mmdebstrap is not installed.
        PlatformError: building it failed.
    """
    if found := find_node(daemon, programs):
        return found
    plain = kind_spec().node
    progress(Progress("node", f"pulling {plain}", 0, 1))
    if daemon.pull(plain):
        progress(Progress("node", plain, 1, 1))
        return NodeImage(plain, built_here=False)
    return build_node(daemon, programs, settings, progress)


def build_node(
    daemon: Daemon, programs: Programs, settings: Settings, progress: OnProgress
) -> NodeImage:
    """Our own node's image, built where it is not there.

    Raises:
        Missing: Go or mmdebstrap is not installed.
        Terminal: a step failed, or a disk is full.
        TimedOut: another process has been building for too long.
    """
    reference = _reference(programs)
    if daemon.image(reference):
        return NodeImage(reference, built_here=True)
    programs.ensure(Programs.NODE, progress)

    def tell(detail: str, done: int = 0) -> None:
        progress(Progress("node", detail, done, 1))

    with exclusive(
        settings.cache_dir / "images.lock",
        purpose="building the node of kind clusters",
        timeout_s=_LOCK_TIMEOUT_S,
        on_wait=lambda holder: tell(f"waiting for {holder}"),
    ):
        if not daemon.image(reference):
            ensure_base(daemon, image_ground(), tell)
            _Builder(daemon, programs, reference, tell).build()
        tell(reference, 1)
    return NodeImage(reference, built_here=True)


def _reference(programs: Programs) -> str:
    """The name of our image. Debian's packages of the day are no part of it."""
    digest = hashlib.sha256()
    facts = [asdict(kind_spec()), programs.identity, image_ground().suite, withholds_sys_resource()]
    digest.update(json.dumps(facts).encode())
    for entry in folder_entries(resource(_FOLDER), without=["go"]):
        assert isinstance(entry.content, Path)
        digest.update(f"{entry.path}\0".encode() + entry.content.read_bytes())
    return f"{_REPOSITORY}:{kind_spec().kubernetes}-{digest.hexdigest()[:12]}"


class _Builder:
    """One build of our image; what it makes on the way is removed, whatever happens."""

    def __init__(
        self, daemon: Daemon, programs: Programs, reference: str, tell: Callable[[str], None]
    ) -> None:
        self._daemon = daemon
        self._programs = programs
        self._reference = reference
        self._tell = tell
        self._folder = resource(_FOLDER)

    def build(self) -> None:
        parts = [*reference_names(kind_spec()), "node"]
        try:
            for part in parts:
                self._build(part)
            self._fill()
        finally:
            for part in parts:
                self._untag(part)

    def _build(self, part: str) -> None:
        base = {"BASE_IMAGE": image_ground().base} if part in ("components", "node") else {}
        pause = reference_names(kind_spec())["pause"][0]
        own = {"KUBERNETES_VERSION": kind_spec().kubernetes, "PAUSE_IMAGE": pause}
        with tempfile.TemporaryFile() as context:
            write_context(self._context(part), context)
            context.seek(0)
            self._daemon.build(
                context,
                tag=self._part(part),
                build_args={**base, **(own if part == "node" else {})},
                labels={},
                fresh=False,
                on_line=self._tell,
            )

    def _context(self, part: str) -> Iterator[Entry]:
        programs = {"components": ("kubernetes", "etcd"), "node": ("kubernetes",)}
        yield Entry("Dockerfile", self._folder / part / "Dockerfile")
        for name in programs.get(part, (part,)):
            yield Entry(f"bin/{name}", self._programs.path(name), executable=True)
        if part != "node":
            return
        yield from (each.under("node") for each in folder_entries(self._folder / "node" / "files"))
        files = self._programs.kind_sources() / "images" / "base" / "files"
        yield from (each.under("kind") for each in folder_entries(files))
        if withholds_sys_resource():
            yield Entry("kind/kind/bin/runc.sh", self._folder / "runc.sh", executable=True)

    def _fill(self) -> None:
        """Put the images of the control plane into the node, and give the result its name."""
        with docker_errors("filling the node's image"), tempfile.TemporaryFile() as context:
            with tempfile.TemporaryDirectory() as folder:
                write_context(self._imports(Path(folder)), context)
            context.seek(0)
            container = self._daemon.client.containers.create(
                self._part("node"), ["infinity"], entrypoint=["sleep"], privileged=True
            )
            try:
                container.start()
                container.put_archive("/", context)
                self._tell("importing the control plane's images")
                code, printed = container.exec_run(["bash", f"{_IMPORT}/import-images.sh", _IMPORT])
                if code:
                    raise Terminal(
                        f"importing images into the node failed:\n{printed.decode()[-2000:]}"
                    )
                container.stop(timeout=0)
                repository, _, tag = self._reference.rpartition(":")
                container.commit(repository, tag, changes=_CHANGES)
            finally:
                container.remove(force=True, v=True)

    def _imports(self, folder: Path) -> Iterator[Entry]:
        lines = []
        for part, names in reference_names(kind_spec()).items():
            self._tell(f"saving {part}")
            with (folder / f"{part}.tar").open("wb") as file:
                for chunk in self._daemon.client.images.get(self._part(part)).save(named=True):
                    file.write(chunk)
            lines += [f"docker.io/library/{self._part(part)} {name}\n" for name in names]
        yield from (each.under(_IMPORT.lstrip("/")) for each in folder_entries(folder))
        yield Entry(f"{_IMPORT.lstrip('/')}/names", "".join(lines).encode())
        script = self._folder / "node" / "import-images.sh"
        yield Entry(f"{_IMPORT.lstrip('/')}/import-images.sh", script, executable=True)

    def _part(self, part: str) -> str:
        return f"kind-{part}:{self._reference.rpartition('-')[2]}"

    def _untag(self, part: str) -> None:
        import docker

        with docker_errors(f"removing the image of {part}"):
            try:
                self._daemon.client.images.remove(self._part(part))
            except docker.errors.ImageNotFound:
                return
