"""Field selectors, as far as clients of custom resources need them: one name. Pure."""

from __future__ import annotations

from spark_platform.kernel.errors import InvalidInput

__all__ = ["selected_name"]


def selected_name(selector: str) -> str:
    """The name that a field selector asks for; empty where there is no selector.

    kubectl says ``metadata.name=NAME`` wherever it waits for one object.

    Raises:
        InvalidInput: it is of another field, or asks for something else than equality.
    """
    if not selector:
        return ""
    field, _, name = selector.partition("=")
    name = name.removeprefix("=")
    if field != "metadata.name" or not name or "," in name or "=" in name:
        raise InvalidInput(
            f"the field selector {selector!r} is not supported by the gateway",
            hint="supported: metadata.name=NAME",
        )
    return name
