"""Volumes of a pod, made on the node: config maps, secrets, projections, empty and host folders."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spark_emulators.kubernetes.node.containers import Mount
from spark_emulators.kubernetes.node.environment import Facts, Find, field_value, resource_value
from spark_emulators.kubernetes.store.store import Object
from spark_platform.kernel.files import private_folder

__all__ = ["MountFault", "Volumes", "mounts_of"]

Token = Callable[[Mapping[str, Any]], str]


class MountFault(Exception):
    """A volume cannot be made yet: the kubelet's FailedMount."""


@dataclass(frozen=True)
class _File:
    path: str
    content: bytes
    mode: int


class Volumes:
    """The volumes of one pod.

    Args:
        pod: as stored.
        folder: where they are made.
        find: the object of a plural and name in the pod's namespace, if there is one.
        token: a new token of the pod's service account for a ``serviceAccountToken`` source.
        facts: for the downward API.
    """

    def __init__(self, pod: Object, folder: Path, find: Find, token: Token, facts: Facts) -> None:
        self._pod = pod
        self._folder = folder
        self._find = find
        self._token = token
        self._facts = facts

    def make(self) -> dict[str, Path]:
        """Volume name → where it is on this machine. What is there is refreshed.

        Raises:
            MountFault: something it is made of is absent, or it is of a kind that is not emulated.
        """
        return {each["name"]: self._one(each) for each in self._pod["spec"].get("volumes") or ()}

    def _one(self, volume: Mapping[str, Any]) -> Path:
        if "hostPath" in volume:
            return _host_path(volume["name"], volume["hostPath"])
        place = self._folder / str(volume["name"])
        if "emptyDir" in volume:
            place.mkdir(parents=True, exist_ok=True)
            place.chmod(0o777)
            return place
        if "persistentVolumeClaim" in volume:
            return self._claim(volume["persistentVolumeClaim"]["claimName"])
        for file in self._files(volume):
            target = place / file.path
            if not target.exists() or target.read_bytes() != file.content:
                _replace(target, file)
        private_folder(place.parent)
        place.mkdir(exist_ok=True)
        return place

    def _claim(self, name: str) -> Path:
        claim = self._find("persistentvolumeclaims", name)
        if claim is None:
            raise MountFault(f'persistentvolumeclaim "{name}" not found')
        # beside the pods: it outlives them
        place = self._folder.parent.parent / "claims" / str(claim["metadata"]["uid"])
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(0o777)
        return place

    def _files(self, volume: Mapping[str, Any]) -> Iterator[_File]:
        for kind, named in (("configMap", "name"), ("secret", "secretName")):
            if kind in volume:
                source = volume[kind]
                yield from self._data(kind, source[named], source, source.get("defaultMode"))
                return
        if "downwardAPI" in volume:
            yield from self._downward(volume["downwardAPI"])
        elif "projected" in volume:
            for source in volume["projected"].get("sources") or ():
                yield from self._projected(source, volume["projected"].get("defaultMode"))
        else:
            kind = next((key for key in volume if key != "name"), "")
            raise MountFault(f"volume {volume['name']!r}: {kind} is not emulated")

    def _projected(self, source: Mapping[str, Any], mode: int | None) -> Iterator[_File]:
        for kind in ("configMap", "secret"):
            if kind in source:
                yield from self._data(kind, source[kind]["name"], source[kind], mode)
        if "downwardAPI" in source:
            yield from self._downward(source["downwardAPI"])
        if "serviceAccountToken" in source:
            wanted = source["serviceAccountToken"]
            yield _File(wanted["path"], self._token(wanted).encode(), _mode(mode))

    def _data(
        self, kind: str, name: str, source: Mapping[str, Any], mode: int | None
    ) -> Iterator[_File]:
        value = self._find({"configMap": "configmaps", "secret": "secrets"}[kind], name)
        if value is None:
            if source.get("optional"):
                return
            raise MountFault(f'{kind.lower()} "{name}" not found')
        content = _content(kind, value)
        items = source.get("items")
        if items is None:
            yield from (_File(key, data, _mode(mode)) for key, data in content.items())
            return
        for item in items:
            if item["key"] in content:
                yield _File(item["path"], content[item["key"]], _mode(item.get("mode"), mode))
            elif not source.get("optional"):
                raise MountFault(f"references non-existent {kind.lower()} key: {item['key']}")

    def _downward(self, source: Mapping[str, Any]) -> Iterator[_File]:
        for item in source.get("items") or ():
            if "fieldRef" in item:
                text = field_value(self._pod, item["fieldRef"]["fieldPath"], self._facts)
            else:
                text = resource_value(self._pod, {}, item["resourceFieldRef"], self._facts)
            yield _File(item["path"], text.encode(), _mode(item.get("mode")))


def _replace(target: Path, file: _File) -> None:
    """In one step, so that a container that reads it again sees one whole version."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.touch(0o600)
    fresh.write_bytes(file.content)
    fresh.chmod(file.mode)
    fresh.replace(target)


def _content(kind: str, value: Object) -> dict[str, bytes]:
    data = value.get("data") or {}
    if kind == "secret":
        return {key: base64.b64decode(text) for key, text in data.items()}
    binary = value.get("binaryData") or {}
    return {
        **{key: text.encode("utf-8", "surrogatepass") for key, text in data.items()},
        **{key: base64.b64decode(text) for key, text in binary.items()},
    }


def _mode(*modes: int | None) -> int:
    return next((mode for mode in modes if mode is not None), 0o644)


def _host_path(name: str, source: Mapping[str, Any]) -> Path:
    place, kind = Path(source["path"]), source.get("type") or ""
    if kind == "DirectoryOrCreate":
        place.mkdir(parents=True, exist_ok=True)
    elif kind == "FileOrCreate" and not place.exists():
        place.touch()
    checks = {"Directory": place.is_dir, "File": place.is_file, "Socket": place.is_socket}
    if not checks.get(kind, place.exists)():
        what = {"Directory": "directory", "File": "file", "Socket": "socket"}.get(kind, "path")
        raise MountFault(
            f'MountVolume.SetUp failed for volume "{name}" : hostPath type check failed: '
            f"{place} is not a {what}"
        )
    return place


def mounts_of(
    container: Mapping[str, Any], volumes: Mapping[str, Path], expand: Callable[[str], str]
) -> tuple[Mount, ...]:
    """A container's ``volumeMounts``.

    Args:
        volumes: what ``Volumes.make`` made.
        expand: ``$(NAME)`` in ``subPathExpr``.
    """
    found = []
    for each in container.get("volumeMounts") or ():
        source = volumes[each["name"]]
        part = each.get("subPath") or expand(each.get("subPathExpr", ""))
        if part:
            source = source / part
            if not source.exists():
                source.mkdir(parents=True)
        found.append(Mount(source, os.path.normpath(each["mountPath"]), bool(each.get("readOnly"))))
    # what is mounted inside another mount comes after it
    return tuple(sorted(found, key=lambda mount: mount.target.count("/")))
