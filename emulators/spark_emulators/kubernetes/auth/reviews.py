"""Reviews: questions about access and identity, asked as objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from spark_emulators.kubernetes.api.requests import Caller
from spark_emulators.kubernetes.auth.authentication import Authenticator
from spark_emulators.kubernetes.auth.authorization import Attributes, Authorizer
from spark_emulators.kubernetes.auth.tokens import ISSUER
from spark_emulators.kubernetes.errors import Cause, bad_request, invalid
from spark_emulators.kubernetes.store.store import Object

__all__ = ["answer"]

_USER = ("name", "uid", "groups", "extra")


def answer(
    value: Object, caller: Caller, authorizer: Authorizer | None, authenticator: Authenticator
) -> Object:
    """A review with its status.

    Args:
        value: the review as it was read.
        authorizer: None where everything is allowed.

    Raises:
        ApiError: 400 or 422 for a question that is none.
    """
    kind = value["kind"]
    value = {**value, "metadata": {**value.get("metadata", {}), "creationTimestamp": None}}
    if kind == "TokenReview":
        return {**value, "status": _token(value.get("spec") or {}, authenticator)}
    if kind == "SelfSubjectReview":
        return {**value, "status": {"userInfo": _user(caller)}}
    spec = value.get("spec") or {}
    if kind == "SelfSubjectRulesReview":
        namespace = spec.get("namespace", "")
        if not namespace:
            raise invalid("", kind, "", [Cause.required("spec.namespace")])
        return {**value, "status": _rules(caller, namespace, authorizer)}
    who = caller if kind == "SelfSubjectAccessReview" else _subject(spec)
    asked = _attributes(spec, kind)
    allowed = authorizer is None or authorizer.may(who, asked)
    status: dict[str, Any] = {"allowed": allowed}
    if allowed and authorizer is not None:
        status["reason"] = f'RBAC: allowed to "{who.name}"'
    return {**value, "status": status}


def _token(spec: Mapping[str, Any], authenticator: Authenticator) -> dict[str, Any]:
    token = spec.get("token") or ""
    if not token:
        raise bad_request("token is required for TokenReview in authentication")
    audiences = spec.get("audiences") or [ISSUER]
    found = authenticator.of_token(token, tuple(audiences))
    if found is None:
        return {"user": {}, "error": "[invalid bearer token, token lookup failed]"}
    # those of the asked ones that it is for
    own = [each for each in audiences if authenticator.of_token(token, (each,)) is not None]
    return {"authenticated": True, "user": _user(found), "audiences": own}


def _user(caller: Caller) -> dict[str, Any]:
    found: dict[str, Any] = {"username": caller.name}
    if caller.uid:
        found["uid"] = caller.uid
    if caller.groups:
        found["groups"] = list(caller.groups)
    if caller.extra:
        found["extra"] = {key: list(values) for key, values in caller.extra}
    return found


def _subject(spec: dict[str, Any]) -> Caller:
    if not spec.get("user") and not spec.get("groups"):
        raise invalid(
            "authorization.k8s.io",
            "SubjectAccessReview",
            "",
            [Cause.invalid("spec.user", "", "at least one of user or group must be specified")],
        )
    return Caller(spec.get("user", ""), tuple(spec.get("groups") or ()), spec.get("uid", ""))


def _attributes(spec: dict[str, Any], kind: str) -> Attributes:
    about, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if bool(about is not None) == bool(path is not None):
        detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        raise invalid(
            "authorization.k8s.io",
            kind,
            "",
            [Cause.invalid("spec.resourceAttributes", about, detail)],
        )
    if path is not None:
        return Attributes(verb=path.get("verb", ""), path=path.get("path", ""))
    assert about is not None
    return Attributes(
        verb=about.get("verb", ""),
        group=about.get("group", ""),
        resource=about.get("resource", ""),
        subresource=about.get("subresource", ""),
        namespace=about.get("namespace", ""),
        name=about.get("name", ""),
        is_resource=True,
    )


def _rules(caller: Caller, namespace: str, authorizer: Authorizer | None) -> dict[str, Any]:
    everything: list[dict[str, Any]] = [
        {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
        {"verbs": ["*"], "nonResourceURLs": ["*"]},
    ]
    master = authorizer is None or "system:masters" in caller.groups
    rules = everything if master or authorizer is None else authorizer.rules(caller, namespace)
    found: dict[str, Any] = {"resourceRules": [], "nonResourceRules": [], "incomplete": False}
    for rule in rules:
        if rule.get("nonResourceURLs"):
            found["nonResourceRules"].append(dict(rule))
        else:
            found["resourceRules"].append(dict(rule))
    return found


Answer = Callable[[Object], Object]
