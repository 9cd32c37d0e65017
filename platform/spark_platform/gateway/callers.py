"""Who asks: users whom the platform's issuer knows, and service accounts of the clusters.

A service account's token is checked by its own cluster, and only if policy trusts the account. What
the token says by itself, unchecked, decides nothing but whom to ask.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from spark_platform.gateway.policy import Policy
from spark_platform.identity import Caller, Verifier
from spark_platform.kernel.errors import InvalidInput, PlatformError, Transient, Unauthenticated
from spark_platform.kernel.kubernetes.client import Kubernetes
from spark_platform.kernel.kubernetes.resources import Resource

__all__ = ["Answers", "Callers", "RecentCallers", "ServiceAccounts"]

_REVIEWS = Resource("authentication.k8s.io/v1", "tokenreviews")
_ACCOUNT = "system:serviceaccount:"
_LONGEST = 16 * 1024
_ANSWERS_WITHIN_S = 5.0
# a cluster that hangs must not hold all of the gateway's threads
_AT_ONCE = 16
_KEPT_S, _MOST_KEPT = 60.0, 1000
# far less than clocks may differ, which the check of a token's end allows for
_RECENT_S, _MOST_RECENT = 5.0, 10_000


class Callers:
    """Asks the one who knows a token: its issuer says who that is. Implements ``Verifier``.

    Args:
        issuer: the platform's, as tokens name it.
        users: knows its tokens.
        accounts: knows those of service accounts.
    """

    def __init__(self, issuer: str, users: Verifier, accounts: Verifier) -> None:
        self._issuer, self._users, self._accounts = issuer, users, accounts

    def verify(self, token: str) -> Caller:
        claims = _unchecked(token)
        is_account = str(claims.get("sub", "")).startswith(_ACCOUNT)
        if is_account and claims.get("iss") != self._issuer:
            return self._accounts.verify(token)
        return self._users.verify(token)


class RecentCallers:
    """Tells who has a token, and knows for a moment who that was: many calls have the same one.

    Args:
        verifier: asked of tokens that are new, or were seen longer ago; may take its time.
    """

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        self._answers = Answers(time.time, kept_s=_RECENT_S, most=_MOST_RECENT)

    def known(self, token: str) -> Caller | None:
        """Who that was a moment ago; None where it is to be asked."""
        return self._answers.find(token)

    def verify(self, token: str) -> Caller:
        """Who it is.

        Raises:
            Unauthenticated: the token is not to be trusted.
            Transient: that cannot be told now.
        """
        caller = self._verifier.verify(token)
        self._answers.keep(token, caller, None)
        return caller


class ServiceAccounts:
    """The service accounts that policy trusts. Implements ``Verifier``.

    Args:
        clusters: by name; they stay the caller's.
        policy: says which accounts act as whom.
        audience: whom tokens must be for.
        now: seconds since the epoch.

    Raises:
        InvalidInput: policy trusts an account of a cluster that is not there.
    """

    def __init__(
        self,
        clusters: Mapping[str, Kubernetes],
        policy: Policy,
        audience: str,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._clusters, self._audience = clusters, audience
        self._trusted: dict[str, list[tuple[str, Caller]]] = {}
        for account, caller in policy.callers():
            if account.cluster not in clusters:
                raise InvalidInput(
                    f"domain {caller.domain} has a caller of cluster {account.cluster}, which is "
                    "not behind the gateway",
                    hint=f"allowed: {', '.join(clusters)}",
                )
            name = f"{_ACCOUNT}{account.namespace}:{account.service_account}"
            self._trusted.setdefault(name, []).append((account.cluster, caller))
        self._answers = Answers(now)
        self._asking = {name: threading.BoundedSemaphore(_AT_ONCE) for name in clusters}

    def verify(self, token: str) -> Caller:
        known = self._answers.find(token)
        if known is not None:
            return known
        claims = _unchecked(token)
        name, away = str(claims.get("sub", "")), []
        # an account of the same name may be on several clusters, and each has its own keys
        for cluster, caller in self._trusted.get(name, ()):
            try:
                good = self._is_good(cluster, token, name)
            except PlatformError:
                # whatever keeps it from telling; what it says may quote the token
                away.append(cluster)
                continue
            if good:
                self._answers.keep(token, caller, claims.get("exp"))
                return caller
        if away:
            raise Transient(
                f"whose token it is cannot be told now by {', '.join(away)}", retry_after_s=1
            )
        raise Unauthenticated(
            "the token is not valid: no service account that is trusted has it",
            hint=f"it must be for the audience {self._audience}",
        )

    def _is_good(self, cluster: str, token: str, name: str) -> bool:
        """Whether a cluster says that a token is this account's, for this gateway."""
        spec = {"token": token, "audiences": [self._audience]}
        asked = {"apiVersion": _REVIEWS.group_version, "kind": "TokenReview", "spec": spec}
        if not self._asking[cluster].acquire(blocking=False):
            raise Transient(f"{cluster} is asked about {_AT_ONCE} tokens already")
        try:
            answer = self._clusters[cluster].create(
                _REVIEWS, "", asked, timeout_s=_ANSWERS_WITHIN_S
            )
        finally:
            self._asking[cluster].release()
        status = answer.get("status") or {}
        # a server that knows no audiences does not name them, and has not checked any
        return (
            status.get("authenticated") is True
            and (status.get("user") or {}).get("username") == name
            and self._audience in (status.get("audiences") or ())
        )


class Answers:
    """Whose tokens were, for a short time: never those that were nobody's.

    Args:
        now: seconds since the epoch.
        kept_s: how long at most.
        most: so many; the oldest goes first.
    """

    def __init__(
        self, now: Callable[[], float], *, kept_s: float = _KEPT_S, most: int = _MOST_KEPT
    ) -> None:
        self._now, self._kept_s, self._most = now, kept_s, most
        self._found: dict[bytes, tuple[float, float, Caller]] = {}
        self._lock = threading.Lock()

    def find(self, token: str) -> Caller | None:
        """Whose a token was, if that is still so."""
        with self._lock:
            since, until, caller = self._found.get(_key(token), (0.0, 0.0, None))
        # a clock that was set back makes no answer good for longer
        return caller if since <= self._now() < until else None

    def keep(self, token: str, caller: Caller, expires: Any) -> None:
        """Remember whose a token is.

        Args:
            expires: its own end, seconds since the epoch; nothing that is no number counts.
        """
        now = self._now()
        until = now + self._kept_s
        if isinstance(expires, (int, float)):
            until = min(until, expires)
        with self._lock:
            self._found.pop(_key(token), None)
            self._found[_key(token)] = (now, until, caller)
            while len(self._found) > self._most:
                del self._found[next(iter(self._found))]


def _key(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _unchecked(token: str) -> Mapping[str, Any]:
    """What a token says of itself; nothing where it is none."""
    import jwt

    if len(token) > _LONGEST:
        return {}
    try:
        claims: Mapping[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError):
        return {}
    return claims
