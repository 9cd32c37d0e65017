"""Names for pods that are processes: a hosts file for each namespace, in place of a DNS server.

A service's name leads to the pods behind it, at their own ports. So the port of a service must be
the port of its pods, as that of a headless service always is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from spark_emulators.kubernetes.api.objects import dig
from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.store.store import Object

__all__ = ["Hosts", "hosts_file", "resolutions"]

_DOMAIN = "cluster.local"
_LOCAL = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"


def resolutions(services: Iterable[Object], pods: Iterable[Object]) -> list[tuple[str, str, str]]:
    """(namespace, name, address): where the names of services and pods lead.

    Args:
        services: with selectors.
        pods: with addresses.
    """
    alive = [
        (each, each["status"]["podIP"])
        for each in pods
        if dig(each, "status", "podIP") and each["status"].get("phase") in ("Pending", "Running")
    ]
    found = [
        (pod["metadata"]["namespace"], pod["spec"].get("hostname") or pod["metadata"]["name"], ip)
        for pod, ip in alive
    ]
    for service in services:
        namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
        selector = service["spec"].get("selector")
        if selector:
            found += [
                (namespace, name, ip) for pod, ip in alive if _behind(pod, namespace, selector)
            ]
    return found


def _behind(pod: Object, namespace: str, selector: Mapping[str, str]) -> bool:
    labels = pod["metadata"].get("labels") or {}
    return pod["metadata"]["namespace"] == namespace and selector.items() <= labels.items()


def hosts_file(namespace: str, known: Iterable[tuple[str, str, str]], server: str) -> str:
    """The file of one namespace: short names of its own, full names of all.

    Args:
        known: see ``resolutions``.
        server: the API server's address.
    """
    lines = [_LOCAL, f"{server}\t{_names('default', 'kubernetes', namespace)}\n"]
    lines += [f"{ip}\t{_names(where, name, namespace)}\n" for where, name, ip in known]
    return "".join(lines)


def _names(where: str, name: str, seen_from: str) -> str:
    full = [f"{name}.{where}.svc.{_DOMAIN}", f"{name}.{where}.svc", f"{name}.{where}"]
    return " ".join([name, *full] if where == seen_from else full)


class Hosts:
    """Keeps the files right.

    Args:
        cluster: whose names.
        folder: where the files are.
        server: the API server's address as pods reach it.
    """

    def __init__(self, cluster: Cluster, folder: Path, server: str) -> None:
        self._store = cluster.context.store
        self._folder = folder
        self._server = server
        self._written: dict[str, str] = {}

    def file(self, namespace: str) -> Path:
        """The file of a namespace, to be mounted."""
        if namespace not in self._written:
            self._write(namespace, self._known())
        return self._folder / namespace

    def refresh(self) -> None:
        """Write anew what is no longer right."""
        known = self._known()
        for namespace in list(self._written):
            self._write(namespace, known)

    def _known(self) -> list[tuple[str, str, str]]:
        services = (each.value for each in self._store.list("services"))
        return resolutions(services, (each.value for each in self._store.list("pods")))

    def _write(self, namespace: str, known: list[tuple[str, str, str]]) -> None:
        text = hosts_file(namespace, known, self._server)
        if self._written.get(namespace) != text:
            self._folder.mkdir(parents=True, exist_ok=True)
            # in place: containers have mounted this very file
            (self._folder / namespace).write_text(text)
            self._written[namespace] = text
