"""Accept: which form of an answer a client wants."""

from __future__ import annotations

from dataclasses import dataclass

from spark_emulators.kubernetes.errors import ApiError

__all__ = ["Form", "negotiate"]

_PLAIN = frozenset({"application/json", "*/*", "application/*"})
_AS = frozenset({"Table", "PartialObjectMetadata", "PartialObjectMetadataList"})


@dataclass(frozen=True)
class Form:
    """How to answer.

    Attributes:
        media: ``json`` or ``yaml``.
        shape: empty for objects as they are; else Table, PartialObjectMetadata(List).
        version: of the shape: v1 or v1beta1.
        group: of the shape, for discovery.
    """

    media: str = "json"
    shape: str = ""
    version: str = "v1"
    group: str = ""


def negotiate(accept: str, *, shapes: bool = True, discovery: bool = False) -> Form:
    """The first form the client names that is served.

    Raises:
        ApiError: 406 when none is.
    """
    if not accept.strip():
        return Form()
    for each in accept.split(","):
        media, _, rest = each.strip().partition(";")
        media = media.strip().lower()
        parameters = dict(part.strip().partition("=")[::2] for part in rest.split(";") if part)
        shape = parameters.get("as", "")
        if media not in _PLAIN and media not in ("application/yaml", "text/yaml"):
            continue
        kind = "yaml" if "yaml" in media else "json"
        version, group = parameters.get("v", ""), parameters.get("g", "")
        if not shape:
            return Form(kind)
        if shape in _AS and shapes and group == "meta.k8s.io" and version in ("v1", "v1beta1"):
            return Form(kind, shape, version, group)
        if discovery and shape == "APIGroupDiscoveryList" and version == "v2":
            return Form(kind, shape, version, group)
    raise ApiError(
        406,
        "NotAcceptable",
        "only the following media types are accepted: application/json, application/yaml",
    )
