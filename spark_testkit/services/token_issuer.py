"""The token issuer: what stands in the place of a login."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from spark_testkit.service import PlanContext, Service, ServiceSpec
from spark_testkit.services.unity_catalog import IMAGE, HttpReadiness

__all__ = ["AUDIENCE", "SERVICE", "configuration", "trust"]

AUDIENCE = "spark-platform"


def plan(context: PlanContext) -> ServiceSpec:
    """An issuer whose client secret is the stack's."""
    endpoint = f"http://{context.outside('api')}"
    inside = f"http://{context.inside('api')}"
    secret = context.secrets["token_issuer"]
    config_file = context.folder / "config.json"
    config = configuration(
        listen=context.place.listen,
        port=context.ports["api"],
        issuer=endpoint,
        key_file=str(context.folder / "key.pem"),
        secret=secret,
    )
    python = () if context.place.container else (sys.executable,)
    return ServiceSpec(
        name=context.request.name,
        argv=(*python, "-m", "spark_emulators.token_issuer", "--config", str(config_file)),
        files={config_file: json.dumps(config)},
        **context.port_fields("api"),
        endpoint=endpoint,
        exports={"SPARK_TOKEN_ISSUER_URL": endpoint, "SPARK_TOKEN_ISSUER_SECRET": secret},
        peer_exports={"SPARK_TOKEN_ISSUER_URL": endpoint, "SPARK_TOKEN_ISSUER_JWKS": inside},
        readiness=HttpReadiness(f"{endpoint}/jwks.json"),
        image=IMAGE if context.place.container else "",
    )


def configuration(
    *, listen: str, port: int, issuer: str, key_file: str, secret: str
) -> dict[str, Any]:
    """The server's configuration file, see ``spark_emulators.token_issuer.settings``.

    Args:
        issuer: the name that tokens have for it, wherever it is asked from: a URL.
        key_file: its signing key, made where there is none.
        secret: of whoever may ask for tokens.
    """
    return {
        "host": listen,
        "port": port,
        "issuer": issuer,
        "audience": AUDIENCE,
        "key_file": key_file,
        "client_secret": secret,
    }


def trust(issuer: Mapping[str, str]) -> dict[str, str]:
    """What makes a server trust its tokens, see ``spark_platform.identity.IssuerSettings``.

    Args:
        issuer: its variables, as that server reaches it: ``SPARK_TOKEN_ISSUER_URL``, as tokens
            have it, and ``SPARK_TOKEN_ISSUER_JWKS``, where it is.
    """
    return {
        "issuer": issuer["SPARK_TOKEN_ISSUER_URL"],
        "audience": AUDIENCE,
        "jwks_url": f"{issuer['SPARK_TOKEN_ISSUER_JWKS']}/jwks.json",
    }


SERVICE = Service(
    kind="token-issuer",
    summary="bearer tokens of any user and domain, for a laptop",
    plan=plan,
    ports={"api": 8083},
    by_default=False,
)
