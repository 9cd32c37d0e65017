"""The Spark History Server, over the event logs of the stack's Connect servers."""

from __future__ import annotations

from spark_testkit.engine import HISTORY_SERVER, engine_spec
from spark_testkit.service import PlanContext, Service, ServiceSpec
from spark_testkit.services.spark_connect import EVENT_LOG_FOLDER, prepare_engine
from spark_testkit.services.spark_jvm import plan_jvm
from spark_testkit.services.unity_catalog import HttpReadiness

__all__ = ["SERVICE"]

_HEAP_MIB = 512


def plan(context: PlanContext) -> ServiceSpec:
    """The History Server on the default (or asked-for) engine."""
    spec = engine_spec(context.request.options.get("engine"))
    events = context.stack_folder / EVENT_LOG_FOLDER
    conf = {
        "spark.history.fs.logDirectory": events.as_uri(),
        "spark.history.ui.port": str(context.ports["http"]),
        "spark.history.fs.update.interval": "2s",
        "spark.history.store.path": str(context.folder / "store"),
    }
    jvm = plan_jvm(context, spec, HISTORY_SERVER, conf, _HEAP_MIB)
    endpoint = f"http://{context.outside('http')}"
    return ServiceSpec(
        name=context.request.name,
        argv=jvm.argv,
        environment=jvm.environment,
        files={**jvm.files, events / ".keep": ""},
        **context.port_fields("http"),
        endpoint=endpoint,
        exports={"SPARK_HISTORY_URL": endpoint},
        readiness=HttpReadiness(f"{endpoint}/api/v1/applications"),
        image=jvm.image,
        heap_mib=_HEAP_MIB,
    )


SERVICE = Service(
    kind="history-server",
    summary="Spark History Server over the stack's event logs",
    plan=plan,
    ports={"http": 18080},
    prepare=prepare_engine,
)
