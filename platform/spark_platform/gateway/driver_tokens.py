"""The token of a driver's Connect server: made here, in a Secret of its cluster, told to nobody.

A driver that was made through the gateway answers the gateway alone. Spark 3.5 knows no tokens:
what keeps others from its drivers is the network's policy.
"""

from __future__ import annotations

import contextlib
import secrets
from base64 import b64decode
from typing import TYPE_CHECKING

from spark_platform.backends.settings import CONNECT_SERVER
from spark_platform.kernel.errors import Forbidden, NotFound
from spark_platform.kernel.kubernetes.errors import AlreadyExists
from spark_platform.kernel.kubernetes.resources import Object, Resource

if TYPE_CHECKING:
    from spark_platform.kernel.kubernetes.client import Kubernetes

__all__ = ["adopt", "ensure", "guarded", "is_connect", "read"]

SECRETS = Resource("v1", "secrets")

_VARIABLE = "spark.kubernetes.driver.secretKeyRef.SPARK_CONNECT_AUTHENTICATE_TOKEN"
_SETTING = "spark.connect.authenticate.token"
_KEY = "token"
_BYTES = 32


def is_connect(application: Object) -> bool:
    """Whether an application is a Connect server."""
    return bool(application["spec"].get("mainClass") == CONNECT_SERVER)


def guarded(application: Object) -> Object:
    """A Connect server that wants its token.

    Raises:
        Forbidden: it has one of its own, which whoever may read it could use past the gateway.
    """
    spec = application["spec"]
    conf = dict(spec.get("sparkConf") or {})
    if _SETTING in conf:
        raise Forbidden(
            f"spec.sparkConf[{_SETTING}] is the gateway's to set",
            hint="leave it out: clients come through the gateway, with their own tokens",
        )
    conf[_VARIABLE] = f"{_name(application)}:{_KEY}"
    return {**application, "spec": {**spec, "sparkConf": conf}}


def ensure(kubernetes: Kubernetes, application: Object) -> None:
    """Have the Secret of an application that is about to be made."""
    value = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": _name(application), "labels": application["metadata"]["labels"]},
        "stringData": {_KEY: secrets.token_urlsafe(_BYTES)},
    }
    with contextlib.suppress(AlreadyExists):
        kubernetes.create(SECRETS, application["metadata"]["namespace"], value)


def adopt(kubernetes: Kubernetes, application: Object) -> None:
    """Have the Secret of an application go with it."""
    metadata = application["metadata"]
    owner = {
        "apiVersion": application["apiVersion"],
        "kind": application["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
    }
    change = {"metadata": {"ownerReferences": [owner]}}
    with contextlib.suppress(NotFound):
        kubernetes.patch(SECRETS, metadata["namespace"], _name(application), change)


def read(kubernetes: Kubernetes, application: Object) -> str:
    """The token of an application; empty for one that was made past the gateway."""
    try:
        found = kubernetes.get(SECRETS, application["metadata"]["namespace"], _name(application))
    except NotFound:
        return ""
    return b64decode((found.get("data") or {}).get(_KEY, "")).decode()


def _name(application: Object) -> str:
    return f"{application['metadata']['name']}-connect"
