"""What the models of custom resources share."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, WithJsonSchema
from pydantic.alias_generators import to_camel

__all__ = [
    "GROUP",
    "GROUP_VERSION",
    "VERSION",
    "IngressSpec",
    "Metadata",
    "Model",
    "PodStatus",
    "PodTemplate",
    "RouteSpec",
    "ServiceSpec",
    "StatefulSetSpec",
]

GROUP, VERSION = "spark.apache.org", "v1"
GROUP_VERSION = f"{GROUP}/{VERSION}"


class Model(BaseModel):
    """Names in camel case, as Kubernetes' are; what is not known the API server has pruned."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore"
    )

    def written(self) -> dict[str, Any]:
        """As JSON, without what is not set."""
        return self.model_dump(by_alias=True, exclude_none=True, mode="json")


def _core(name: str, *, observed: bool = False) -> WithJsonSchema:
    """A type of Kubernetes' own; ``schema`` puts its schema in place of the name.

    Args:
        observed: it is only told what was seen, so nothing in it is required.
    """
    return WithJsonSchema({"x-core": name, "x-observed": observed})


PodTemplate = Annotated[dict[str, Any], _core("io.k8s.api.core.v1.PodTemplateSpec")]
PodStatus = Annotated[dict[str, Any], _core("io.k8s.api.core.v1.PodStatus", observed=True)]
ServiceSpec = Annotated[dict[str, Any], _core("io.k8s.api.core.v1.ServiceSpec")]
StatefulSetSpec = Annotated[dict[str, Any], _core("io.k8s.api.apps.v1.StatefulSetSpec")]
IngressSpec = Annotated[dict[str, Any], _core("io.k8s.api.networking.v1.IngressSpec")]
Metadata = Annotated[dict[str, Any], _core("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta")]
# of the Gateway API, whose definitions a cluster need not have
RouteSpec = Annotated[
    dict[str, Any],
    WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
]
