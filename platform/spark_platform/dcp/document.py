"""YAML → plain values, with the place of each. Strict where YAML 1.1 surprises.

A document holds text, whole numbers, ``true`` and ``false``, lists and mappings. Whatever YAML 1.1
reads as anything else (``no``, ``4.10``, ``1:30``, ``2026-01-01``) has to be quoted, so that no
value means another thing than it says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from spark_platform.dcp.problems import BadManifest, Path, Problem, dotted, masked

__all__ = ["MAX_BYTES", "Document", "compose"]

MAX_BYTES = 1024 * 1024
_MAX_DEPTH, _MAX_VALUES = 32, 10_000
# as YAML counts lines
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_BOOLEANS = {"true": True, "false": False}
# neither an argument of a process nor UTF-8 can be made of these
_UNSPEAKABLE = re.compile("[\x00\ud800-\udfff]")
_TAG = "tag:yaml.org,2002:"
_READ_AS = {
    "bool": "a boolean, as YAML reads it",
    "float": "a decimal number, as YAML reads it",
    "int": "a number of another notation, as YAML reads it",
    "timestamp": "a date, as YAML reads it",
    "merge": "a merge key, which manifests do not have",
    "value": "a default value, as YAML reads it",
}

_TOO_MUCH = Problem(
    "this is too much",
    hint=f"at most {_MAX_VALUES} values, {_MAX_DEPTH} deep; an alias counts as what it stands for",
)

_Mark = tuple[int, int]
"""Line and column, from 0."""


@dataclass
class Document:
    """A YAML file that could be read.

    Attributes:
        lines: the file's.
        value: mappings, lists, text, whole numbers, booleans.
        spoilt: values that YAML gives no meaning to rely on; they stand as their text.
        faults: what else is wrong with it as YAML.
    """

    lines: list[str]
    value: Any = None
    spoilt: dict[Path, Problem] = field(default_factory=dict)
    faults: list[Problem] = field(default_factory=list)
    _keys: dict[Path, _Mark] = field(default_factory=dict)
    _values: dict[Path, _Mark] = field(default_factory=dict)

    def line(self, path: Path) -> int | None:
        """The line of a value, from 1; None where the file does not have it."""
        mark = self._keys.get(path)
        return None if mark is None else mark[0] + 1

    def known(self, path: Path) -> Path:
        """As much of a path as the file has."""
        while path not in self._keys:
            path = path[:-1]
        return path

    def placed(self, problem: Problem, path: Path, *, at_key: bool = False) -> Problem:
        """The problem with its place; that of what lacks it where the file does not have it."""
        known = self.known(path)
        marks = self._keys if at_key or known != path else self._values
        return self._at(problem, path, marks[known])

    def _at(self, problem: Problem, path: Path, mark: _Mark) -> Problem:
        return _located(replace(problem, path=dotted(path)), self.lines, mark)

    def _read(self, node: yaml.Node, path: Path, key: _Mark) -> Any:
        mark = _start(node)
        self._keys[path], self._values[path] = key, mark
        if len(path) > _MAX_DEPTH or len(self._values) > _MAX_VALUES:
            raise BadManifest([self._at(_TOO_MUCH, (), key)])
        kind = node.tag.removeprefix(_TAG)
        if isinstance(node, yaml.ScalarNode):
            value, problem = _scalar(kind, node.value)
            if problem is not None:
                # a value that is not there has no place of its own
                self.spoilt[path] = self._at(problem, path, mark if node.value else key)
            return value
        if kind not in ("map", "seq"):
            self.faults.append(self._at(_strange(kind), path, mark))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        return [
            self._read(each, (*path, index), _start(each)) for index, each in enumerate(node.value)
        ]

    def _mapping(self, node: yaml.Node, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            mark = _start(key_node)
            key = self._key(key_node, path, mark)
            if key is None:
                continue
            place = (*path, key)
            if key in found:
                problem = Problem(f"is given twice: in line {self.line(place)}, too")
                self.faults.append(self._at(problem, place, mark))
            else:
                found[key] = self._read(value_node, place, mark)
        return found

    def _key(self, node: yaml.Node, path: Path, mark: _Mark) -> str | None:
        """The key, or None where there is none to go on with."""
        if not isinstance(node, yaml.ScalarNode):
            self.faults.append(self._at(Problem("a key must be text"), path, mark))
            return None
        value, problem = _scalar(node.tag.removeprefix(_TAG), node.value)
        if isinstance(value, str) and problem is None:
            return value
        problem = problem or Problem(
            f"key {node.value} is {'a boolean' if isinstance(value, bool) else 'a number'}",
            hint=f'quote it: "{node.value}"',
        )
        self.faults.append(self._at(replace(problem, value=node.value), path, mark))
        return None


def compose(source: bytes | str) -> Document:
    """Read a file of one YAML document.

    Args:
        source: its content; bytes are UTF-8.

    Raises:
        BadManifest: it is no YAML, too large, or not one document.
    """
    text = _text(source)
    lines = _BREAK.split(text)
    try:
        loader = _Composer(text)
        node = loader.get_single_node()
    except yaml.reader.ReaderError as error:
        before = _BREAK.split(text[: error.position])
        problem = Problem(f"character U+{error.character:04X} is not allowed in YAML")
        raise _bad(problem, lines, (len(before) - 1, len(before[-1]))) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        if mark is None or (not lines[mark.line].strip() and error.context_mark):
            # where it ends without what was begun there
            mark = error.context_mark
        raise _bad(_syntax(error), lines, (mark.line, mark.column) if mark else (0, 0)) from None
    except (ValueError, OverflowError):
        # of an escape such as "\UFFFFFFFF", in which PyYAML does not expect it
        mark = loader.get_mark()
        problem = Problem("a character's number is too large")
        raise _bad(problem, lines, (mark.line, mark.column)) from None
    document = Document(lines)
    if node is None:
        raise _bad(Problem("the file is empty"), lines, (0, 0))
    document.value = document._read(node, (), _start(node))
    return document


class _Composer(yaml.SafeLoader):
    """Makes nodes, which know their places. In Python, since libyaml has no limit of depth."""

    _depth = _nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._depth, self._nodes = self._depth + 1, self._nodes + 1
        if self._depth > _MAX_DEPTH + 1 or self._nodes > 2 * _MAX_VALUES:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(problem=_TOO_MUCH.message, problem_mark=mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


def _start(node: yaml.Node) -> _Mark:
    return node.start_mark.line, node.start_mark.column


def _text(source: bytes | str) -> str:
    if len(source) > MAX_BYTES:
        raise BadManifest([Problem(f"the file is larger than {MAX_BYTES} bytes")])
    if isinstance(source, str):
        return source
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = _BREAK.split(source[: error.start].decode())
        problem = Problem(f"byte 0x{source[error.start]:02X} is no UTF-8", hint="save it as UTF-8")
        mark = (len(before) - 1, len(before[-1]))
        lines = _BREAK.split(source.decode(errors="replace"))
        raise _bad(problem, lines, mark) from None


def _scalar(kind: str, text: str) -> tuple[str | int | bool, Problem | None]:
    """The value of a scalar that YAML resolves to a kind, and what speaks against it."""
    if kind == "str":
        if _UNSPEAKABLE.search(text):
            return "", Problem("has a character that no program can be given")
        return text, None
    if kind == "int" and _WHOLE.fullmatch(text):
        return int(text), None
    if kind == "bool" and text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()], None
    if kind == "null":
        return text, Problem("has no value", hint="write one, or remove the key")
    if kind not in _READ_AS:
        return text, _strange(kind)
    hint = "write each key out" if kind == "merge" else f'quote it: "{text}"'
    return text, Problem(f"{text} is {_READ_AS[kind]}", hint=hint, value=text)


def _strange(tag: str) -> Problem:
    return Problem(f"tag {tag} means nothing in a manifest", hint="write it without")


def _syntax(error: yaml.MarkedYAMLError) -> Problem:
    said, context = error.problem or "", error.context or ""
    if "'\\t'" in said:
        return Problem("a tab, where YAML wants spaces", hint="indent with spaces")
    if "another document" in said:
        return Problem("a second document begins", hint="a file holds one manifest")
    if said == _TOO_MUCH.message:
        return _TOO_MUCH
    if "scanning an alias" in context or "cannot start any token" in said:
        start = "*" if "alias" in context else said.split("'")[1]
        return Problem(
            f"a value that starts with {start} must be quoted",
            hint='quote it: "* * * * *"' if start == "*" else "quote it",
        )
    if "mapping values are not allowed" in said:
        return Problem(
            "a key and a value, where none can be",
            hint='indent keys of one mapping alike; quote a value that has ": " in it',
        )
    if error.context_mark and context:
        context += f" of line {error.context_mark.line + 1}"
    return Problem(f"no YAML: {', '.join(filter(None, (context, said)))}")


def _located(problem: Problem, lines: list[str], mark: _Mark) -> Problem:
    line, column = mark
    excerpt, caret = masked(lines[line] if line < len(lines) else "", column + 1)
    return replace(problem, line=line + 1, column=column + 1, excerpt=excerpt, caret=caret)


def _bad(problem: Problem, lines: list[str], mark: _Mark) -> BadManifest:
    return BadManifest([_located(problem, lines, mark)])
