"""A client of one Kubernetes API.

The Kubernetes project's own client finds the server, proves who asks and holds the connections;
its models are left out, since turning each object into one costs more than the request.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

from spark_platform.kernel.errors import Missing, Transient
from spark_platform.kernel.kubernetes.errors import Expired, error_of
from spark_platform.kernel.kubernetes.resources import Object, Resource

if TYPE_CHECKING:
    from kubernetes.client import ApiClient, Configuration

__all__ = ["PODS", "Kubernetes", "Watch", "connect"]

PODS = Resource("v1", "pods")
JSON, MERGE_PATCH, APPLY_PATCH = (
    "application/json",
    "application/merge-patch+json",
    "application/apply-patch+yaml",
)
_TIMEOUT_S = 30.0
_PAGE = 500
# bookmarks come once a minute: a watch that is silent for longer leads nowhere
_SILENCE_S = 90.0
_WATCH_S = 3600


def connect(
    kubeconfig: Path | None = None, context: str | None = None, *, connections: int = 16
) -> Kubernetes:
    """A client of the cluster that a kubeconfig, or the pod this runs in, leads to.

    Args:
        kubeconfig: the file; None for ``KUBECONFIG`` or, in a pod, its service account.
        context: which of its contexts; None for the current one.
        connections: how many are kept open.

    Raises:
        Missing: there is no kubeconfig, or it lacks what was named.
    """
    from kubernetes import client, config

    loaded = client.Configuration()
    try:
        if kubeconfig is None and context is None:
            config.load_config(client_configuration=loaded)  # type: ignore[no-untyped-call]
        else:
            config.load_kube_config(  # type: ignore[no-untyped-call]
                str(kubeconfig) if kubeconfig else None, context, client_configuration=loaded
            )
    except (config.ConfigException, OSError) as error:
        raise Missing(
            f"no way to a Kubernetes cluster: {error}",
            hint="name a kubeconfig, or set KUBECONFIG",
        ) from error
    if kubeconfig is not None:
        _follow_token_file(loaded, kubeconfig, context)
    loaded.connection_pool_maxsize = connections
    loaded.retries = False
    loaded.keep_alive = True
    return Kubernetes(client.ApiClient(loaded))


def _follow_token_file(loaded: Configuration, kubeconfig: Path, context: str | None) -> None:
    """Have a token that lies in a file read anew for each request: a kubelet replaces it there.

    The client reads it once; Go's reads it anew, too.
    """
    import yaml

    document = yaml.safe_load(kubeconfig.read_bytes())
    contexts = {each["name"]: each["context"] for each in document["contexts"]}
    users = {each["name"]: each.get("user") or {} for each in document.get("users") or ()}
    user = users.get(contexts[context or document["current-context"]].get("user"), {})
    if "tokenFile" not in user:
        return
    file = kubeconfig.parent / user["tokenFile"]

    def read(configuration: Configuration) -> None:
        configuration.api_key["BearerToken"] = f"Bearer {file.read_text().strip()}"

    loaded.refresh_api_key_hook = read  # type: ignore[assignment]


class Kubernetes:
    """Requests to one API server, from any thread.

    Every method raises what ``spark_platform.kernel.kubernetes.errors`` lists, and ``Transient``
    where the server cannot be reached.
    """

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    def close(self) -> None:
        """Close the connections."""
        self._api.rest_client.close()
        self._api.close()  # type: ignore[no-untyped-call]

    @property
    def url(self) -> str:
        """Where the API server is."""
        return str(self._api.configuration.host)

    def version(self, timeout_s: float = 5.0) -> str:
        """Of the API server: ``v1.36.3``."""
        with self._open("GET", "/version", {}, timeout_s=timeout_s) as answer:
            return str(json.loads(answer.read())["gitVersion"])

    def document(self, path: str) -> Any:
        """What the API has at a path that is no collection's: its discovery, its schemas."""
        return self._json("GET", path)

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """One object."""
        return self._object("GET", resource.path(namespace, name))

    def list(
        self, resource: Resource, namespace: str = "", labels: str = ""
    ) -> tuple[list[Object], str]:
        """All objects of a namespace, or of all, and the version of the list.

        Args:
            labels: a selector.
        """
        found: list[Object] = []
        query = {"limit": str(_PAGE), "labelSelector": labels}
        while True:
            page = self._json("GET", resource.path(namespace), query)
            found += page.get("items") or ()
            token = page["metadata"].get("continue")
            if not token:
                return found, page["metadata"]["resourceVersion"]
            query["continue"] = token

    def create(
        self,
        resource: Resource,
        namespace: str,
        value: Object,
        *,
        validation: str = "",
        timeout_s: float = _TIMEOUT_S,
    ) -> Object:
        """Create an object; returns it as it is stored.

        Args:
            validation: of unknown fields: ``Strict``, ``Warn``, ``Ignore``; empty for the server's.
            timeout_s: how long the server may take.
        """
        query = {"fieldValidation": validation}
        return self._object("POST", resource.path(namespace), query, value, timeout_s=timeout_s)

    def replace(self, resource: Resource, value: Object, subresource: str = "") -> Object:
        """Replace an object, or a part of it, if it still has the version that ``value`` has."""
        metadata = value["metadata"]
        path = resource.path(metadata.get("namespace", ""), metadata["name"], subresource)
        return self._object("PUT", path, body=value)

    def patch(
        self, resource: Resource, namespace: str, name: str, change: Object, subresource: str = ""
    ) -> Object:
        """Merge a change into an object (RFC 7386)."""
        path = resource.path(namespace, name, subresource)
        return self._object("PATCH", path, body=change, kind=MERGE_PATCH)

    def apply(self, resource: Resource, value: Object, manager: str) -> Object:
        """Server-side apply, forced: make an object be as told, whatever it was."""
        metadata = value["metadata"]
        path = resource.path(metadata.get("namespace", ""), metadata["name"])
        query = {"fieldManager": manager, "force": "true"}
        return self._object("PATCH", path, query, value, APPLY_PATCH)

    def delete(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        *,
        uid: str = "",
        grace_s: int | None = None,
        propagation: str = "Background",
    ) -> None:
        """Delete an object.

        Args:
            uid: only the one that has it: another of the same name is left alone (Conflict).
            grace_s: seconds until it is killed; None leaves that to the object.
            propagation: ``Background``, ``Foreground`` or ``Orphan``.
        """
        options: dict[str, Any] = {"propagationPolicy": propagation}
        if uid:
            options["preconditions"] = {"uid": uid}
        if grace_s is not None:
            options["gracePeriodSeconds"] = grace_s
        self._json("DELETE", resource.path(namespace, name), body=options)

    def logs(self, namespace: str, pod: str, container: str = "", tail: int | None = None) -> str:
        """What a container has printed.

        Args:
            tail: only so many last lines.
        """
        query = {"container": container, "tailLines": str(tail) if tail is not None else ""}
        with self._open("GET", PODS.path(namespace, pod, "log"), query) as answer:
            return cast("bytes", answer.read()).decode("utf-8", "replace")

    def watch(
        self, resource: Resource, namespace: str = "", labels: str = "", version: str = ""
    ) -> Watch:
        """Changes since a version, as they come."""
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "labelSelector": labels,
            "resourceVersion": version,
            "timeoutSeconds": str(_WATCH_S),
        }
        return Watch(self._open("GET", resource.path(namespace), query, timeout_s=_SILENCE_S))

    def _object(self, *arguments: Any, **options: Any) -> Object:
        return cast("Object", self._json(*arguments, **options))

    def _json(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        kind: str = JSON,
        timeout_s: float = _TIMEOUT_S,
    ) -> Any:
        with self._open(method, path, query or {}, body, kind, timeout_s) as answer:
            return json.loads(answer.read())

    def _open(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Object | None = None,
        kind: str = JSON,
        timeout_s: float = _TIMEOUT_S,
    ) -> Any:
        """The answer, whose body is still to be read; urllib3's, a context manager."""
        from urllib3.exceptions import HTTPError

        given = {name: value for name, value in query.items() if value}
        url = self.url + path + (f"?{urlencode(given)}" if given else "")
        headers = {"Accept": JSON}
        if body is not None:
            headers["Content-Type"] = kind
        self._api.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        data = json.dumps(body, separators=(",", ":")).encode() if body is not None else None
        try:
            answer = self._api.rest_client.pool_manager.request(
                method, url, body=data, headers=headers, timeout=timeout_s, preload_content=False
            )
            if answer.status < 300:
                return _Answer(answer)
            with _Answer(answer) as refused:
                wait = answer.headers.get("Retry-After")
                raise error_of(answer.status, refused.read(), wait, f"{method} {path}")
        except HTTPError as error:
            raise _unreachable(self.url, error) from error


class _Answer:
    """A body that is read to its end, or whose connection is not used again."""

    def __init__(self, response: Any) -> None:
        self.response = response

    def read(self) -> bytes:
        from urllib3.exceptions import HTTPError

        try:
            return cast("bytes", self.response.read())
        except HTTPError as error:
            raise _unreachable(self.response.geturl() or "the API server", error) from error

    def __enter__(self) -> _Answer:
        return self

    def __exit__(self, *error: object) -> None:
        if self.response.closed:
            self.response.release_conn()
        else:
            self.response.close()


class Watch:
    """A stream of changes; iterate it in one thread, ``stop`` it from any."""

    def __init__(self, answer: _Answer) -> None:
        self._answer = answer
        self._stopped = False

    def __iter__(self) -> Iterator[tuple[str, Object]]:
        """Pairs of ``ADDED``, ``MODIFIED``, ``DELETED`` or ``BOOKMARK`` and an object.

        Raises:
            Expired: the version asked for is too old.
            Transient: the stream broke.
        """
        from urllib3.exceptions import HTTPError

        rest = b""
        try:
            for chunk in self._answer.response.stream(None):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    if line.strip():
                        yield _event(line)
        except (HTTPError, OSError, ValueError) as error:
            if not self._stopped:
                raise Transient(f"a watch broke: {error}") from error
        finally:
            self._answer.response.close()

    def stop(self) -> None:
        """Let the iteration end now."""
        self._stopped = True
        try:
            self._answer.response.shutdown()
        except (OSError, ValueError, RuntimeError):
            # it has ended by itself
            self._answer.response.close()


def _event(line: bytes) -> tuple[str, Object]:
    event = json.loads(line)
    kind, found = event["type"], event["object"]
    if kind != "ERROR":
        return kind, found
    code = int(found.get("code", 500))
    if code == 410:
        raise Expired(found.get("message", "too old"))
    raise error_of(code, json.dumps(found).encode(), None, "watch")


def _unreachable(where: str, error: Exception) -> Transient:
    return Transient(f"the Kubernetes API at {where} does not answer: {error}")
