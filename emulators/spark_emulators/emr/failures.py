"""What a failed driver said, in the words EMR uses: pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["LONGEST_DETAILS", "failure_details", "last_exceptions", "redacted"]

LONGEST_DETAILS = 256
_HIDDEN = "*********(redacted)"
# "ValueError: no", "org.apache.spark.SparkException: …", "Exception in thread …", "Caused by: …"
_EXCEPTION = re.compile(
    r"^(?:Caused by: |Exception in thread .*?|\d{2}/\d{2}/\d{2} .*? ERROR .*?: )?"
    r"(?:[\w$]+\.)*[A-Z][\w$]*(?:Error|Exception|Exit|Interrupt|Failure)(?::.*|$)"
)


def last_exceptions(stderr: Sequence[str], stdout: Sequence[str] = (), count: int = 3) -> list[str]:
    """The last lines that name an exception, newest first, and a Python driver's before Spark's.

    Where none does, the last line of ``stderr`` that says anything.
    """
    said, printed = ([line.strip() for line in lines if line.strip()] for lines in (stderr, stdout))
    found = dict.fromkeys(line for line in reversed(said + printed) if _EXCEPTION.match(line))
    return list(found)[:count] or said[-1:]


def redacted(text: str, secrets: Iterable[str]) -> str:
    """``text`` without any of ``secrets``."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    return text


def failure_details(
    code: int, stderr: Sequence[str], stdout: Sequence[str], secrets: Iterable[str]
) -> str:
    """A failed job run's state details, at most as long as the API allows."""
    exceptions = "\n".join(last_exceptions(stderr, stdout))
    said = f" Last few exceptions: {exceptions}" if exceptions else ""
    whole = redacted(
        "Job failed, please check complete logs in configured logging destination. "
        f"ExitCode: {code}.{said}",
        secrets,
    )
    return whole if len(whole) <= LONGEST_DETAILS else f"{whole[: LONGEST_DETAILS - 3]}..."
