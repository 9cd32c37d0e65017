"""Tests of optional parts: skipped where the part is absent, failed where it was promised.

``SPARK_TESTKIT_REQUIRE=minio,…`` names the parts a machine promises to have; CI names all of them,
so that a broken installation cannot hide behind a skip.
"""

from __future__ import annotations

import os

import pytest


def need(part: str, present: bool, how: str) -> None:
    """Go on if ``part`` is present; else skip the test, or fail it where the part is required.

    Args:
        how: how to get the part, for the reader of the skip.
    """
    if present:
        return
    reason = f"{part} is not here: {how}"
    if part in os.environ.get("SPARK_TESTKIT_REQUIRE", "").split(","):
        pytest.fail(f"{reason} (required by SPARK_TESTKIT_REQUIRE)", pytrace=False)
    pytest.skip(reason)
