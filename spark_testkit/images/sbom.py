"""What is inside an image, as CycloneDX 1.5.

Each layer of an image carries the list of what it brought (``/usr/share/sbom/<layer>.json``), and
Debian's own database says which packages there are. So any image can be asked, also one that
somebody built on top of ours, without knowing how it was made.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import tarfile
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from spark_platform.kernel.docker.daemon import Daemon, docker_errors
from spark_platform.kernel.errors import NotFound
from spark_testkit.engine.lockfile import LockedJar

__all__ = [
    "debian_components",
    "document",
    "jar_component",
    "plain_jar",
    "python_component",
    "sbom",
]

Component = dict[str, Any]

_LAYERS = "/usr/share/sbom"
_DPKG = "/var/lib/dpkg/status"
_JAR = re.compile(r"(?P<name>.+?)-(?P<version>\d[^/]*)\.jar")


def jar_component(jar: LockedJar) -> Component:
    """A jar of a lock."""
    coordinate = jar.coordinate
    return {
        "type": "library",
        "group": coordinate.group,
        "name": coordinate.artifact,
        "version": coordinate.version,
        "purl": f"pkg:maven/{coordinate.group}/{coordinate.artifact}@{coordinate.version}",
        "hashes": [{"alg": "SHA-256", "content": jar.sha256}],
    }


def plain_jar(file_name: str, sha256: str) -> Component:
    """A jar that Spark ships, known by its file name alone."""
    match = _JAR.fullmatch(file_name)
    name, version = (match["name"], match["version"]) if match else (file_name, "")
    return {
        "type": "library",
        "name": name,
        **({"version": version} if version else {}),
        "purl": f"pkg:generic/{name}" + (f"@{version}" if version else ""),
        "hashes": [{"alg": "SHA-256", "content": sha256}],
    }


def python_component(name: str, version: str) -> Component:
    """A Python package."""
    return {
        "type": "library",
        "name": name,
        "version": version,
        "purl": f"pkg:pypi/{name.lower().replace('_', '-')}@{version}",
    }


def debian_components(status: str) -> Iterator[Component]:
    """The packages that a Debian's database has as installed."""
    for block in status.split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", block, re.M))
        if not fields.get("Status", "").endswith(" installed"):
            continue
        name, version, machine = fields["Package"], fields["Version"], fields["Architecture"]
        quoted = version.replace("+", "%2B").replace(":", "%3A")
        yield {
            "type": "library",
            "name": name,
            "version": version,
            "purl": f"pkg:deb/debian/{name}@{quoted}?arch={machine}",
        }


def document(reference: str, image_id: str, components: Iterable[Component]) -> dict[str, Any]:
    """The whole document; the same image gives the same one."""
    unique = {component["purl"]: component for component in components}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, image_id)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "container",
                "bom-ref": image_id,
                "name": reference.rpartition(":")[0] or reference,
                "version": image_id,
            }
        },
        "components": [{"bom-ref": purl, **unique[purl]} for purl in sorted(unique)],
    }


def sbom(daemon: Daemon, reference: str) -> dict[str, Any]:
    """What is inside a local image. Nothing of it is run.

    Raises:
        NotFound: there is no such image here.
    """
    image = daemon.image(reference)
    if image is None:
        raise NotFound(
            f"there is no image {reference} here", hint="`spark-testkit images list` shows them"
        )
    components: list[Component] = []
    with _files_of(daemon, image["Id"]) as read:
        for status in read(_DPKG).values():
            components += debian_components(status)
        for text in read(_LAYERS).values():
            components += json.loads(text)
    return document(reference, image["Id"], components)


@contextlib.contextmanager
def _files_of(daemon: Daemon, image_id: str) -> Iterator[Any]:
    """Read files of an image: through a container that is made, never started, and removed."""
    import docker

    api = daemon.client.api
    with docker_errors("reading an image's files"):
        container = api.create_container(image_id, command=["true"], entrypoint=[])["Id"]
        try:

            def read(path: str) -> Mapping[str, str]:
                try:
                    chunks, _ = api.get_archive(container, path)
                except docker.errors.NotFound:
                    return {}
                with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
                    files = [member for member in tar if member.isfile()]
                    return {
                        member.name: tar.extractfile(member).read().decode()  # type: ignore[union-attr]
                        for member in files
                    }

            yield read
        finally:
            api.remove_container(container, v=True, force=True)
