"""The one error tree.

Domain code raises these and nothing else; each door (CLI, REST, gRPC) maps them once, at its
edge, to exit codes and statuses. Classes are cut by what the *caller* should do next::

    PlatformError
      InvalidInput     mend the request            CLI exit 2, HTTP 400
      NotFound         it is not there             CLI exit 2, HTTP 404
      Conflict         reload, then decide         CLI exit 1, HTTP 409
      Unauthenticated  log in (again)              CLI exit 2, HTTP 401
      Forbidden        ask whoever grants it       CLI exit 2, HTTP 403
      Missing          install or start something  CLI exit 3
      TimedOut         raise the limit or look     CLI exit 4, HTTP 504
      Transient        try again later             CLI exit 1, HTTP 503
      Terminal         do not try again            CLI exit 1, HTTP 500
        CommandFailed  read the command's output
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "CommandFailed",
    "Conflict",
    "Forbidden",
    "InvalidInput",
    "Missing",
    "NotFound",
    "PlatformError",
    "Terminal",
    "TimedOut",
    "Transient",
    "Unauthenticated",
]


class PlatformError(Exception):
    """Something the project can explain.

    Args:
        message: what happened, and to what.
        hint: what to do next; empty when there is nothing better than the message.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


class InvalidInput(PlatformError):
    """The request cannot be right as it stands; names the field, the value and what is allowed."""

    exit_code = 2


class NotFound(PlatformError):
    """The named thing does not exist."""

    exit_code = 2


class Conflict(PlatformError):
    """Somebody else changed, owns or already made the thing."""


class Unauthenticated(PlatformError):
    """Nobody knows who asks: no token, or one that is not to be trusted."""

    exit_code = 2


class Forbidden(PlatformError):
    """Who asks is known, and may not."""

    exit_code = 2


class Missing(PlatformError):
    """A program, file, port or service this needs is absent."""

    exit_code = 3


class TimedOut(PlatformError):
    """A wait ended at its deadline."""

    exit_code = 4


class Transient(PlatformError):
    """The same call may succeed later.

    Args:
        retry_after_s: seconds the other side asked for, or None where it did not say.
    """

    def __init__(self, message: str, *, hint: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class Terminal(PlatformError):
    """The same call will fail again."""


class CommandFailed(Terminal):
    """A child process exited with an error.

    Args:
        argv: the command as it was started. Secrets never travel in an argv, so it is safe to show.
        returncode: the exit code; negative is the signal that ended it.
        output: the last lines it printed.
    """

    def __init__(
        self, argv: Sequence[str], returncode: int, output: str, *, hint: str = ""
    ) -> None:
        tail = f"\n{output.rstrip()}" if output.strip() else ""
        super().__init__(f"{argv[0]} exited with {returncode}{tail}", hint=hint)
        self.argv = tuple(argv)
        self.returncode = returncode
        self.output = output
