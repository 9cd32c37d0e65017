"""Query parameters and option bodies become the domain's options."""

from __future__ import annotations

from typing import Any

from spark_emulators.kubernetes.api.requests import (
    Caller,
    DeleteOptions,
    ListOptions,
    WatchOptions,
    WriteOptions,
)
from spark_emulators.kubernetes.api.selectors import parse_fields, parse_labels
from spark_emulators.kubernetes.errors import Cause, bad_request, invalid
from spark_emulators.kubernetes.wire.http import Request

__all__ = ["delete_options", "list_options", "watch_options", "write_options"]

_VALIDATIONS = ("", "Ignore", "Warn", "Strict")
_LONGEST_MANAGER = 128
_PATCH_OPTIONS = {"patch": "PatchOptions", "create": "CreateOptions", "update": "UpdateOptions"}


def write_options(
    request: Request, caller: Caller, verb: str, duplicates: tuple[str, ...] = (),
    applies: bool = False,
) -> WriteOptions:  # fmt: skip
    """Options of create, update and patch.

    Raises:
        ApiError: 422 for values that are not allowed.
    """
    query, causes = request.query, []
    dry_run = query.get("dryRun", "")
    if dry_run not in ("", "All"):
        causes.append(Cause.unsupported("dryRun", dry_run.split(","), ("All",)))
    manager = query.get("fieldManager", "")
    if len(manager) > _LONGEST_MANAGER:
        causes.append(Cause.too_long("fieldManager", _LONGEST_MANAGER))
    if not manager.isprintable():
        causes.append(
            Cause.invalid("fieldManager", manager, "should only contain printable characters")
        )
    validation = query.get("fieldValidation", "")
    if validation not in _VALIDATIONS:
        causes.append(
            Cause.unsupported("fieldValidation", validation, ("Ignore", "Strict", "Warn"))
        )
    if applies and not manager:
        causes.append(Cause.required("fieldManager", "is required for apply patch"))
    if verb == "patch" and not applies and "force" in query:
        causes.append(Cause.forbidden("force", "may not be specified for non-apply patch"))
    if causes:
        raise invalid("meta.k8s.io", _PATCH_OPTIONS.get(verb, "CreateOptions"), "", causes)
    return WriteOptions(
        manager=manager or _manager_of(request),
        dry_run=dry_run == "All",
        validation=validation or "Warn",
        force=request.flag("force"),
        caller=caller,
        duplicates=duplicates,
        warn=request.warnings.append,
    )


def _manager_of(request: Request) -> str:
    """The client's program name, which is who writes when it does not say."""
    return request.headers.get("user-agent", "").partition("/")[0][:_LONGEST_MANAGER] or "unknown"


def list_options(request: Request) -> ListOptions:
    """Options of list and deletecollection.

    Raises:
        ApiError: 400 and 422.
    """
    query = request.query
    if "sendInitialEvents" in query:
        cause = Cause.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")
        raise invalid("meta.k8s.io", "ListOptions", "", [cause])
    return ListOptions(
        labels=parse_labels(query.get("labelSelector", "")),
        fields=parse_fields(query.get("fieldSelector", "")),
        limit=max(request.number("limit") or 0, 0),
        token=query.get("continue", ""),
        revision=query.get("resourceVersion", ""),
        match=query.get("resourceVersionMatch", ""),
    )


def watch_options(request: Request, name: str = "") -> WatchOptions:
    """Options of watch.

    Args:
        name: the one object a path names.

    Raises:
        ApiError: 400.
    """
    query = request.query
    fields = parse_fields(query.get("fieldSelector", ""))
    if name:
        fields = (*fields, *parse_fields(f"metadata.name={name}"))
    return WatchOptions(
        labels=parse_labels(query.get("labelSelector", "")),
        fields=fields,
        revision=query.get("resourceVersion", ""),
        bookmarks=request.flag("allowWatchBookmarks"),
        initial=request.flag("sendInitialEvents") if "sendInitialEvents" in query else None,
        match=query.get("resourceVersionMatch", ""),
    )


def delete_options(request: Request, body: Any, caller: Caller) -> DeleteOptions:
    """Options of a deletion: the body's, else the query's.

    Raises:
        ApiError: 400 for a body that is no DeleteOptions.
    """
    given: dict[str, Any] = {}
    if body:
        if not isinstance(body, dict) or body.get("kind", "DeleteOptions") != "DeleteOptions":
            raise bad_request("the body of a deletion must be DeleteOptions")
        given = body
    query = request.query
    grace_s = given.get("gracePeriodSeconds", request.number("gracePeriodSeconds"))
    policy = given.get("propagationPolicy") or query.get("propagationPolicy", "")
    orphans = given.get("orphanDependents")
    if orphans is None and "orphanDependents" in query:
        orphans = request.flag("orphanDependents")
    if not policy and orphans is not None:
        policy = "Orphan" if orphans else "Background"
    preconditions = given.get("preconditions") or {}
    dry_run = given.get("dryRun") or ([query["dryRun"]] if query.get("dryRun") else [])
    _check_types(grace_s, policy, preconditions, dry_run)
    return DeleteOptions(
        grace_s=grace_s,
        policy=policy,
        uid=preconditions.get("uid") or "",
        revision=preconditions.get("resourceVersion") or "",
        dry_run=bool(dry_run),
        caller=caller,
    )


def _check_types(grace_s: Any, policy: Any, preconditions: Any, dry_run: Any) -> None:
    if grace_s is not None and (isinstance(grace_s, bool) or not isinstance(grace_s, int)):
        raise bad_request(
            "json: cannot unmarshal into Go struct field"
            " DeleteOptions.gracePeriodSeconds of type int64"
        )
    if not isinstance(policy, str) or not isinstance(preconditions, dict):
        raise bad_request("json: cannot unmarshal into Go struct of type DeleteOptions")
    if dry_run and (not isinstance(dry_run, list) or dry_run != ["All"]):
        cause = Cause.unsupported("dryRun", dry_run, ("All",))
        raise invalid("meta.k8s.io", "DeleteOptions", "", [cause])
