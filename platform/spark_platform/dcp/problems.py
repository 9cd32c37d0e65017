"""What is wrong with a manifest: each fault with its place, and the error that carries them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from spark_platform.kernel.errors import InvalidInput

__all__ = ["BadManifest", "Path", "Problem", "dotted", "is_secret", "masked", "nearest"]

Path = tuple[str | int, ...]
"""Keys and indices from the root of a document to one of its values."""

# what Spark itself hides in its UI and logs: the default of spark.redaction.regex
_REDACTED = "secret|password|token|access[.]?key"
_SECRET = re.compile(_REDACTED, re.IGNORECASE)
_SECRET_ENTRY = re.compile(rf"((?:{_REDACTED})[\w.-]*[\"']?\s*:\s*)\S.*", re.IGNORECASE)
_PLAIN_KEY = re.compile(r"[\w-]+")
_ALIKE = 0.7
_WIDEST_EXCERPT = 160


@dataclass(frozen=True)
class Problem:
    """One fault of a file.

    Attributes:
        message: what is wrong; reads on after the path.
        hint: what to write instead; empty where the message says it.
        path: where in the document, such as ``spec.inputs[0].table``; empty for all of it.
        line, column: where in the file, from 1; 0 where there is none.
        value: what stands there, as people would write it; None for what is no single value.
        allowed: what may stand there, where that can be listed.
        suggestion: the nearest of ``allowed``; empty where none is near.
        excerpt: the line of the file, or its part, without what looks like a secret.
        caret: the column in the excerpt, from 1.
    """

    message: str
    hint: str = ""
    path: str = ""
    line: int = 0
    column: int = 0
    value: str | None = None
    allowed: tuple[str, ...] = ()
    suggestion: str = ""
    excerpt: str = ""
    caret: int = 0

    def at(self, file: str) -> str:
        """For people: ``FILE:LINE:COLUMN: path: message``, the line, a caret, the hint."""
        where = f"{file}:{self.line}:{self.column}" if self.line else file
        lines = [": ".join(part for part in (where, self.path, self.message) if part)]
        if self.excerpt:
            number = f"{self.line:>5}"
            # tabs stay, so that the caret stands under what it means
            indent = re.sub(r"[^\t]", " ", self.excerpt[: self.caret - 1])
            lines += [f"{number} | {self.excerpt}", f"{' ' * len(number)} | {indent}^"]
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(map(_printable, lines))


class BadManifest(InvalidInput):
    """A manifest that cannot be taken.

    Args:
        problems: all that is wrong, in the order of the file.
    """

    def __init__(self, problems: Sequence[Problem], *, file: str = "manifest") -> None:
        count = f"{len(problems)} errors" if len(problems) > 1 else "an error"
        shown = "\n".join(problem.at(file) for problem in problems)
        super().__init__(f"{count} in {file}\n{shown}")
        self.problems = tuple(problems)
        self.file = file

    def of(self, file: str) -> BadManifest:
        """The same, with the name of the file it was read from."""
        return BadManifest(self.problems, file=file)


def dotted(path: Path) -> str:
    """A path for people: ``spec.sparkConf[spark.sql.ansi.enabled]``, ``spec.jars[0]``."""
    text = ""
    for part in path:
        if isinstance(part, str) and _PLAIN_KEY.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{part}]"
    return text


def nearest(word: str, known: Collection[str]) -> str:
    """The known word that was probably meant, or nothing: ``main_class`` → ``mainClass``."""
    plain = {_plain(each): each for each in known}
    found = difflib.get_close_matches(_plain(word), plain, n=1, cutoff=_ALIKE)
    return plain[found[0]] if found else ""


def is_secret(key: str) -> bool:
    """Whether Spark itself would hide the value of such a setting."""
    return _SECRET.search(key) is not None


def masked(line: str, column: int) -> tuple[str, int]:
    """A line of a file to be shown, and where in it a column from 1 comes to stand.

    What looks like a secret is hidden. Of a long line the part around the column is left.
    """
    shown = _SECRET_ENTRY.sub(r"\1***", line.rstrip())
    caret = min(column, len(shown) + 1)
    start = max(0, caret - _WIDEST_EXCERPT // 2) if len(shown) > _WIDEST_EXCERPT else 0
    return shown[start : start + _WIDEST_EXCERPT], caret - start


def _printable(line: str) -> str:
    """A line that a terminal takes for nothing but text, as long as it was."""
    return "".join(each if each.isprintable() or each in "\t\n" else "\ufffd" for each in line)


def _plain(word: str) -> str:
    return word.lower().replace("_", "").replace("-", "")
