"""SparkApplication: what a user asks for.

Source: the Apache Spark Kubernetes Operator's ``SparkApplication`` v1. Durations are milliseconds.
Defaults that are not -1 are the operator's, and stand in no stored object.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from spark_emulators.spark_operator.resources.model import (
    IngressSpec,
    Metadata,
    Model,
    PodTemplate,
    RouteSpec,
    ServiceSpec,
)

__all__ = [
    "ApplicationSpec",
    "ConfigMapSpec",
    "IngressEntry",
    "InstanceConfig",
    "PodSpec",
    "RestartConfig",
    "RouteEntry",
    "RuntimeVersions",
    "TimeoutConfig",
    "Tolerations",
]

Policy = Literal["Always", "Never", "OnFailure", "OnInfrastructureFailure"]


class RuntimeVersions(Model):
    """Which Spark the image holds. ``{{SPARK_VERSION}}`` in an image's name becomes the first."""

    spark_version: str
    scala_version: str | None = None
    jdk_version: str | None = None


class RestartConfig(Model):
    """Whether a new attempt follows one that ended, when, and how often."""

    restart_policy: Policy = "Never"
    max_restart_attempts: int = 3
    restart_backoff_millis: int = 30_000
    restart_counter_reset_millis: int = Field(
        default=-1, description="An attempt so long resets counters."
    )
    max_restart_on_failure: int | None = None
    restart_backoff_millis_for_failure: int | None = None
    max_restart_on_scheduling_failure: int | None = None
    restart_backoff_millis_for_scheduling_failure: int | None = None


class TimeoutConfig(Model):
    """How long each step of the start may take; 0 and less is for ever."""

    driver_start_timeout_millis: int = 300_000
    driver_ready_timeout_millis: int = 300_000
    executor_start_timeout_millis: int = 300_000
    force_termination_grace_period_millis: int = 300_000
    termination_requeue_period_millis: int = 2_000


class InstanceConfig(Model):
    """How many executors make an application healthy."""

    init_executors: int = Field(default=0, ge=0)
    min_executors: int = Field(default=0, ge=0)
    max_executors: int = Field(default=0, ge=0)


class Tolerations(Model):
    """What is borne before an application counts as failed, and what stays of it."""

    restart_config: RestartConfig = RestartConfig()
    application_timeout_config: TimeoutConfig = TimeoutConfig()
    instance_config: InstanceConfig = InstanceConfig()
    resource_retain_policy: Literal["Always", "OnFailure", "Never"] = "Never"
    resource_retain_duration_millis: int = Field(
        default=-1, description="How long what was retained stays; for ever when negative."
    )
    ttl_after_stop_millis: int = Field(
        default=-1,
        description="When the application itself is deleted after its end; never when negative.",
    )


class PodSpec(Model):
    """What the driver's or the executors' pods are made from."""

    pod_template_spec: PodTemplate | None = None


class ConfigMapSpec(Model):
    """A ConfigMap made before the driver."""

    name: str
    data: dict[str, str] = Field(default_factory=dict)
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class IngressEntry(Model):
    """A Service of the driver and an Ingress to it."""

    service_metadata: Metadata
    service_spec: ServiceSpec
    ingress_metadata: Metadata
    ingress_spec: IngressSpec | None = None


class HttpRouteEntry(Model):
    """A Service of the driver and an HTTPRoute to it."""

    service_metadata: Metadata
    service_spec: ServiceSpec
    http_route_metadata: Metadata
    http_route_spec: RouteSpec


class GrpcRouteEntry(Model):
    """A Service of the driver and a GRPCRoute to it."""

    service_metadata: Metadata
    service_spec: ServiceSpec
    grpc_route_metadata: Metadata
    grpc_route_spec: RouteSpec


RouteEntry = HttpRouteEntry | GrpcRouteEntry


class ApplicationSpec(Model):
    """One application."""

    runtime_versions: RuntimeVersions
    main_class: str | None = None
    jars: str | None = None
    py_files: str | None = None
    spark_r_files: str | None = Field(default=None, alias="sparkRFiles")
    files: str | None = None
    proxy_user: str | None = None
    driver_args: list[str] = Field(default_factory=list)
    spark_conf: dict[str, str] = Field(default_factory=dict)
    deployment_mode: Literal["ClusterMode", "ClientMode"] = "ClusterMode"
    suspend: bool = Field(
        default=False, description="Holds the next attempt; stops none that runs."
    )
    driver_spec: PodSpec = PodSpec()
    executor_spec: PodSpec = PodSpec()
    config_map_specs: list[ConfigMapSpec] = Field(default_factory=list)
    driver_service_ingress_list: list[IngressEntry] = Field(default_factory=list)
    driver_http_route_list: list[HttpRouteEntry] = Field(default_factory=list)
    driver_grpc_route_list: list[GrpcRouteEntry] = Field(default_factory=list)
    application_tolerations: Tolerations = Tolerations()
