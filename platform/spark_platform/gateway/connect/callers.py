"""Who asks, remembered for seconds: a query is a dozen calls with one token."""

from __future__ import annotations

import time

from spark_platform.gateway.callers import Answers
from spark_platform.identity import Caller, Verifier

__all__ = ["RecentCallers"]

# far less than clocks may differ, which the check of a token's end allows for
_REMEMBERED_S = 5.0
_MOST = 10_000


class RecentCallers:
    """Tells who has a token, and knows for a moment who that was.

    Args:
        verifier: asked of tokens that are new, or were seen longer ago; may take its time.
    """

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        self._answers = Answers(time.time, kept_s=_REMEMBERED_S, most=_MOST)

    def known(self, token: str) -> Caller | None:
        """Who that was a moment ago; None where it is to be asked."""
        return self._answers.find(token)

    def verify(self, token: str) -> Caller:
        """Who it is.

        Raises:
            Unauthenticated: the token is not to be trusted.
            Transient: that cannot be told now.
        """
        caller = self._verifier.verify(token)
        self._answers.keep(token, caller, None)
        return caller
