"""Objects are made in namespaces that exist and stay."""

from __future__ import annotations

from spark_emulators.kubernetes.api.context import Context
from spark_emulators.kubernetes.api.objects import dig
from spark_emulators.kubernetes.api.registry import Resource
from spark_emulators.kubernetes.api.requests import WriteOptions
from spark_emulators.kubernetes.errors import ApiError, Cause, Named, not_found
from spark_emulators.kubernetes.store.store import Object

__all__ = ["lifecycle"]


def lifecycle(
    context: Context, resource: Resource, value: Object, old: Object | None, options: WriteOptions
) -> None:
    """Refuse objects in namespaces that are absent or going.

    Raises:
        ApiError: 404, 403.
    """
    if old is not None or not resource.namespaced:
        return
    name = value["metadata"]["namespace"]
    namespace = context.find("namespaces", "", name)
    if namespace is None:
        raise not_found("", "namespaces", name)
    if dig(namespace, "status", "phase") != "Terminating" and not namespace["metadata"].get(
        "deletionTimestamp"
    ):
        return
    about = Named(resource.group, resource.plural, value["metadata"].get("name", ""))
    why = f"unable to create new content in namespace {name} because it is being terminated"
    cause = Cause(
        "NamespaceTerminating", f"namespace {name} is being terminated", "metadata.namespace"
    )
    raise ApiError(
        403,
        "Forbidden",
        f'{about.qualified} "{about.name}" is forbidden: {why}',
        {**about.as_details(), "causes": [cause]},
    )
