"""Which of Spark's settings a manifest may say, and how it names secrets. Pure."""

from __future__ import annotations

import re

from spark_platform.backends.settings import is_platforms
from spark_platform.dcp.problems import is_secret
from spark_platform.kernel.errors import InvalidInput

__all__ = ["REFERENCE", "SETTING", "check_reference", "check_setting"]

SETTING = r"spark\.[\w.$*@/-]+"
REFERENCE = r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?:[\w.-]{1,253}"

# where those go that a job says in a field of its own
_FIELDS = (
    (r"spark\.driver\.(cores|memory)", "spec.resources.driver"),
    (
        r"spark\.(executor\.(cores|memory|instances)|dynamicAllocation\..*)",
        "spec.resources.executor",
    ),
    (r"spark\.(jars|submit\.pyFiles)", "spec.application"),
    (r".*container\.image", "spec.engine"),
    (r"spark\.app\.name", "metadata.name"),
)


def check_setting(key: str) -> None:
    """See that a setting may stand in a manifest.

    Raises:
        InvalidInput: it is none of Spark's, it is the platform's, or its value is a secret.
    """
    if not re.fullmatch(SETTING, key, re.ASCII):
        hint = f"write spark.hadoop.{key}" if key.startswith("fs.") else "they begin with spark."
        raise InvalidInput(f"{key!r} is no setting of Spark", hint=hint)
    if is_platforms(key):
        field = next((field for form, field in _FIELDS if re.fullmatch(form, key)), "")
        hint = f"say it in {field}" if field else "leave it out: it cannot be chosen"
        raise InvalidInput("is set by the platform", hint=hint)
    if is_secret(key):
        raise InvalidInput(
            "is a secret, and a manifest holds none",
            hint="name a secret of the cluster in spec.secrets: VARIABLE: secret:key",
        )


def check_reference(text: str) -> None:
    """See that a text names a key of a secret; it is not shown, for it might be the secret.

    Raises:
        InvalidInput: it does not.
    """
    if not re.fullmatch(REFERENCE, text, re.ASCII):
        raise InvalidInput("names no secret", hint="secret:key, never the secret itself")
