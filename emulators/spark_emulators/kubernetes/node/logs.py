"""Container logs as the CRI keeps them: ``TIME STREAM F|P TEXT``, a file per run."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import BinaryIO

from spark_emulators.kubernetes.runtime import LogOptions

__all__ = ["LogWriter", "read"]

_LONGEST_LINE = 16 * 1024
_LOOKS_EVERY_S = 0.05


class LogWriter:
    """Splits what a container prints into lines with times.

    Args:
        file: opened for appending; the writer closes it.
    """

    def __init__(self, file: Path) -> None:
        self._file: BinaryIO = open(file, "ab", buffering=0)  # noqa: SIM115 - until `close`
        self._rest = {"stdout": b"", "stderr": b""}

    def write(self, stream: str, data: bytes) -> None:
        """Add output; a line is written when it ends, or when it is very long."""
        *lines, rest = (self._rest[stream] + data).split(b"\n")
        out = [self._line(stream, b"F", line) for line in lines]
        while len(rest) >= _LONGEST_LINE:
            out.append(self._line(stream, b"P", rest[:_LONGEST_LINE]))
            rest = rest[_LONGEST_LINE:]
        self._rest[stream] = rest
        if out:
            self._file.write(b"".join(out))

    def close(self) -> None:
        """Write what no newline ended."""
        for stream, rest in self._rest.items():
            if rest:
                self._file.write(self._line(stream, b"P", rest))
        self._file.close()

    @staticmethod
    def _line(stream: str, tag: bytes, text: bytes) -> bytes:
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
        return b"%s %s %s %s\n" % (now.encode(), stream.encode(), tag, text)


async def read(
    file: Path, options: LogOptions, running: Callable[[], bool], now: Callable[[], float]
) -> AsyncIterator[bytes]:
    """A log as the API answers it.

    Args:
        file: what a ``LogWriter`` wrote.
        options: which part.
        running: whether more may come; asked before each last look.
        now: seconds since the epoch.
    """
    oldest = ""
    if options.since_s is not None:
        since = datetime.fromtimestamp(now() - options.since_s, timezone.utc)
        oldest = since.strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
    left = options.limit_bytes
    async for line in _lines(file, options, running):
        moment, _, rest = line.partition(b" ")
        if moment.decode() < oldest:
            continue
        _, _, rest = rest.partition(b" ")
        tag, _, text = rest.partition(b" ")
        shown = text[:-1] if tag == b"P" else text
        if options.timestamps:
            shown = moment + b" " + shown
        if left is not None:
            shown = shown[:left]
            left -= len(shown)
        yield shown
        if left is not None and left <= 0:
            return


async def _lines(
    file: Path, options: LogOptions, running: Callable[[], bool]
) -> AsyncIterator[bytes]:
    """Whole lines: the last ones there are, then, when followed, those that come."""
    with open(file, "rb") as log:
        there = log.readlines()
        rest = b""
        if there and not there[-1].endswith(b"\n"):
            rest = there.pop()
        tail = options.tail_lines
        for line in there if tail is None else deque(there, maxlen=tail):
            yield line
        while options.follow:
            goes_on = running()
            rest += log.read()
            *lines, rest = rest.split(b"\n")
            for line in lines:
                yield line + b"\n"
            if not goes_on:
                return
            await asyncio.sleep(_LOOKS_EVERY_S)
