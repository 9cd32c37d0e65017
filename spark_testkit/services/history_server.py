"""The Spark History Server, over the event logs of the stack's Connect servers."""

from __future__ import annotations

from spark_testkit.engine import HISTORY_SERVER, install, launch
from spark_testkit.service import PlanContext, Service, ServiceSpec
from spark_testkit.services.spark_connect import (
    EVENT_LOG_FOLDER,
    prepare_engine,
    temporary_files_in,
)
from spark_testkit.services.unity_catalog import HttpReadiness

__all__ = ["SERVICE"]

_HEAP_MIB = 512


def plan(context: PlanContext) -> ServiceSpec:
    """The History Server on the default (or asked-for) engine."""
    engine = install(context.request.options.get("engine"), context.settings)
    port = context.ports["http"]
    events = context.stack_folder / EVENT_LOG_FOLDER
    started = launch(
        engine,
        HISTORY_SERVER,
        conf={
            "spark.history.fs.logDirectory": events.as_uri(),
            "spark.history.ui.port": str(port),
            "spark.history.fs.update.interval": "2s",
            "spark.history.store.path": str(context.folder / "store"),
        },
        heap_mib=_HEAP_MIB,
        folder=context.folder,
        jvm_options=temporary_files_in(context.folder),
    )
    endpoint = f"http://localhost:{port}"
    return ServiceSpec(
        name=context.request.name,
        argv=started.argv,
        environment=started.environment,
        files={
            **started.files,
            events / ".keep": "",
        },
        ports=context.ports,
        endpoint=endpoint,
        exports={"SPARK_HISTORY_URL": endpoint},
        readiness=HttpReadiness(f"{endpoint}/api/v1/applications"),
    )


SERVICE = Service(
    kind="history-server",
    summary="Spark History Server over the stack's event logs",
    plan=plan,
    ports={"http": 18080},
    prepare=prepare_engine,
)
