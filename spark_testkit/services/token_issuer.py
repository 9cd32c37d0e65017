"""The token issuer: what stands in the place of a login."""

from __future__ import annotations

import json
import sys

from spark_testkit.service import PlanContext, Service, ServiceSpec
from spark_testkit.services.unity_catalog import IMAGE, HttpReadiness

__all__ = ["AUDIENCE", "SERVICE"]

AUDIENCE = "spark-platform"


def plan(context: PlanContext) -> ServiceSpec:
    """An issuer whose client secret is the stack's."""
    endpoint = f"http://{context.outside('api')}"
    inside = f"http://{context.inside('api')}"
    secret = context.secrets["token_issuer"]
    config_file = context.folder / "config.json"
    config = {
        "host": context.place.listen,
        "port": context.ports["api"],
        # the name that tokens have for it, wherever it is asked from
        "issuer": endpoint,
        "audience": AUDIENCE,
        "key_file": str(context.folder / "key.pem"),
        "client_secret": secret,
    }
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


SERVICE = Service(
    kind="token-issuer",
    summary="bearer tokens of any user and domain, for a laptop",
    plan=plan,
    ports={"api": 8083},
    by_default=False,
)
