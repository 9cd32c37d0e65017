"""Volumes of a driver, from ``spark.kubernetes.driver.volumes.<type>.<name>.…`` and secrets.

Source: Spark's ``KubernetesVolumeUtils``, ``MountVolumesFeatureStep``, ``MountSecretsFeatureStep``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spark_emulators.spark_operator.driver.conf import with_prefix
from spark_platform.kernel.errors import InvalidInput

__all__ = ["local_dir", "mounts_of"]

_PREFIX = "spark.kubernetes.driver.volumes."
_KINDS = ("hostPath", "emptyDir", "persistentVolumeClaim", "nfs", "csi")
_LOCAL = "spark-local-dir-"

Pair = tuple[dict[str, Any], dict[str, Any]]


def mounts_of(conf: Mapping[str, str]) -> list[Pair]:
    """Pairs of a volume and its mount.

    Raises:
        InvalidInput: a kind that is not known, or no path.
    """
    found: dict[tuple[str, str], dict[str, str]] = {}
    for rest, value in with_prefix(conf, _PREFIX):
        kind, _, rest = rest.partition(".")
        name, _, option = rest.partition(".")
        found.setdefault((kind, name), {})[option] = value
    volumes = [_volume(kind, name, options) for (kind, name), options in found.items()]
    return volumes + [
        (
            {"name": f"{name}-volume", "secret": {"secretName": name}},
            {"name": f"{name}-volume", "mountPath": path},
        )
        for name, path in with_prefix(conf, "spark.kubernetes.driver.secrets.")
    ]


def local_dir(conf: Mapping[str, str], identity: str, given: list[Pair]) -> tuple[list[Pair], str]:
    """Where Spark's scratch files go: the volumes made for that, and ``SPARK_LOCAL_DIRS``."""
    own = [mount["mountPath"] for volume, mount in given if volume["name"].startswith(_LOCAL)]
    if own:
        return [], ",".join(own)
    folders = conf.get("spark.local.dir", f"/var/data/spark-{identity}").split(",")
    memory = conf.get("spark.kubernetes.local.dirs.tmpfs", "false").lower() == "true"
    medium = {"medium": "Memory"} if memory else {}
    made: list[Pair] = [
        (
            {"name": f"{_LOCAL}{number}", "emptyDir": medium},
            {"name": f"{_LOCAL}{number}", "mountPath": folder},
        )
        for number, folder in enumerate(folders, 1)
    ]
    return made, ",".join(folders)


def _volume(kind: str, name: str, options: Mapping[str, str]) -> Pair:
    where = f"spec.sparkConf[{_PREFIX}{kind}.{name}]"
    if kind not in _KINDS:
        raise InvalidInput(f"{where}: no such kind of volume", hint=f"allowed: {', '.join(_KINDS)}")
    if "mount.path" not in options:
        raise InvalidInput(f"{where}.mount.path is missing", hint="say where it is mounted")
    mount: dict[str, Any] = {"name": name, "mountPath": options["mount.path"]}
    if options.get("mount.readOnly", "false").lower() == "true":
        mount["readOnly"] = True
    if options.get("mount.subPath"):
        mount["subPath"] = options["mount.subPath"]
    return {"name": name, kind: _source(kind, where, options)}, mount


def _source(kind: str, where: str, options: Mapping[str, str]) -> dict[str, Any]:
    given = {key.removeprefix("options."): value for key, value in options.items()}
    needed = {
        "hostPath": ("path",),
        "persistentVolumeClaim": ("claimName",),
        "nfs": ("path", "server"),
        "csi": ("driver",),
        "emptyDir": (),
    }[kind]
    for option in needed:
        if not given.get(option):
            raise InvalidInput(f"{where}.options.{option} is missing")
    known = (*needed, *{"hostPath": ("type",), "emptyDir": ("medium", "sizeLimit")}.get(kind, ()))
    return {option: given[option] for option in known if option in given}
