"""Google Cloud Storage: fake-gcs-server, which Google's own clients and Spark's connector take.

It knows no credentials: clients must be told to send none.
"""

from __future__ import annotations

from dataclasses import dataclass

from spark_platform.kernel.errors import Missing
from spark_platform.kernel.wait import NotYet
from spark_testkit.programs import FAKE_GCS_SERVER
from spark_testkit.service import PlanContext, Service, ServiceSpec

__all__ = ["IMAGE", "PROJECT", "SERVICE", "GcsReadiness", "hadoop_conf"]

IMAGE = "gcs:latest"
# buckets belong to a project, and clients insist on naming one
PROJECT = "spark-testkit"
_ANSWERS_WITHIN_S = 5


def plan(context: PlanContext) -> ServiceSpec:
    """The store, empty.

    Raises:
        Missing: the program is not on this machine.
    """
    endpoint = f"http://{context.outside('api')}"
    # the image's entrypoint is the program
    program = () if context.place.container else (_program(context),)
    return ServiceSpec(
        name=context.request.name,
        argv=(
            *program,
            *("-scheme", "http"),
            *("-host", context.place.listen),
            *("-port", str(context.ports["api"])),
            *("-backend", "filesystem"),
            *("-filesystem-root", str(context.folder / "data")),
            *("-log-level", "warn"),
        ),
        **context.port_fields("api"),
        endpoint=endpoint,
        exports=_exports(endpoint),
        peer_exports=_exports(f"http://{context.inside('api')}"),
        readiness=GcsReadiness(endpoint),
        detail=FAKE_GCS_SERVER.title,
        image=IMAGE if context.place.container else "",
    )


def _exports(endpoint: str) -> dict[str, str]:
    # the two variables that Google's own clients read
    return {"STORAGE_EMULATOR_HOST": endpoint, "GOOGLE_CLOUD_PROJECT": PROJECT}


def _program(context: PlanContext) -> str:
    found = FAKE_GCS_SERVER.find(context.settings)
    if found is None:
        raise Missing(
            f"no {FAKE_GCS_SERVER.name} found, in the cache or on PATH",
            hint=f"`make {FAKE_GCS_SERVER.target}` builds it; that needs Go",
        )
    return str(found)


def hadoop_conf(endpoint: str) -> dict[str, str]:
    """What makes Spark's ``gs://`` this store.

    Args:
        endpoint: its URL, as Spark reaches it.
    """
    return {
        "spark.hadoop.fs.gs.storage.root.url": f"{endpoint}/",
        "spark.hadoop.fs.gs.auth.type": "UNAUTHENTICATED",
        "spark.hadoop.fs.gs.project.id": PROJECT,
        # the emulator has no objects.moveTo: a rename shall copy and delete
        "spark.hadoop.fs.gs.operation.move.enable": "false",
    }


@dataclass(frozen=True)
class GcsReadiness:
    """Ready when it lists buckets.

    Attributes:
        endpoint: its URL.
    """

    endpoint: str

    def check(self) -> None:
        import httpx

        try:
            # the user's proxy cannot reach it
            with httpx.Client(trust_env=False, timeout=_ANSWERS_WITHIN_S) as client:
                answer = client.get(
                    f"{self.endpoint}/storage/v1/b", params={"project": PROJECT}
                ).raise_for_status()
        except httpx.HTTPError as error:
            raise NotYet(str(error)) from error
        if answer.json().get("kind") != "storage#buckets":
            raise NotYet(f"something else answers: {answer.text[:100]}")


SERVICE = Service(
    kind="gcs",
    summary="Google Cloud Storage (fake-gcs-server)",
    plan=plan,
    ports={"api": 4443},
    by_default=False,
)
