"""Label and field selectors: text in, a predicate's data out. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from spark_emulators.kubernetes.api import names
from spark_emulators.kubernetes.errors import bad_request

__all__ = [
    "FieldRequirement",
    "LabelRequirement",
    "from_object",
    "matches_labels",
    "parse_fields",
    "parse_labels",
]

_TOKEN = re.compile(r"\s*(?:(==|!=|=|!|,|\(|\)|>|<)|([^\s=!,()<>]+))")
_IN, _NOT_IN, _EXISTS, _ABSENT, _GREATER, _LESS = "in", "notin", "exists", "!", ">", "<"
_OPERATORS = {"=": _IN, "==": _IN, "!=": _NOT_IN, ">": _GREATER, "<": _LESS}


@dataclass(frozen=True)
class LabelRequirement:
    """One term of a label selector.

    Attributes:
        key: the label.
        operator: ``in``, ``notin``, ``exists``, ``!``, ``>`` or ``<``.
        values: what it is compared with.
    """

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with ``labels`` is selected; absence satisfies ``notin``."""
        value = labels.get(self.key)
        if self.operator == _IN:
            return value is not None and value in self.values
        if self.operator == _NOT_IN:
            return value is None or value not in self.values
        if self.operator == _EXISTS:
            return self.key in labels
        if self.operator == _ABSENT:
            return self.key not in labels
        try:
            left, right = int(value or ""), int(next(iter(self.values)))
        except ValueError:
            return False
        return left > right if self.operator == _GREATER else left < right


@dataclass(frozen=True)
class FieldRequirement:
    """One term of a field selector: a path equals a value, or does not."""

    path: str
    value: str
    equal: bool = True


def matches_labels(terms: Sequence[LabelRequirement], labels: Mapping[str, str]) -> bool:
    """Whether every term holds."""
    return all(term.matches(labels) for term in terms)


def parse_labels(text: str) -> tuple[LabelRequirement, ...]:
    """Parse ``a=b,c in (d,e),!f``.

    Raises:
        ApiError: 400, with what could not be parsed.
    """
    return _LabelParser(text).parse()


def from_object(selector: Mapping[str, object] | None) -> tuple[LabelRequirement, ...]:
    """The terms of a LabelSelector object (``matchLabels``, ``matchExpressions``)."""
    if not selector:
        return ()
    labels = selector.get("matchLabels") or {}
    assert isinstance(labels, Mapping)
    terms = [LabelRequirement(key, _IN, frozenset({value})) for key, value in labels.items()]
    operators = {"In": _IN, "NotIn": _NOT_IN, "Exists": _EXISTS, "DoesNotExist": _ABSENT}
    expressions = selector.get("matchExpressions") or []
    assert isinstance(expressions, Sequence)
    for each in expressions:
        operator = operators.get(each.get("operator", ""), _EXISTS)
        terms.append(LabelRequirement(each["key"], operator, frozenset(each.get("values") or ())))
    return tuple(terms)


def parse_fields(text: str) -> tuple[FieldRequirement, ...]:
    """Parse ``metadata.name=x,status.phase!=Running``; a backslash escapes ``,``, ``=`` and itself.

    Raises:
        ApiError: 400, with the term that cannot be parsed.
    """
    terms = []
    for term in re.findall(r"(?:\\.|[^,\\])+", text):
        found = re.match(r"((?:\\.|[^=!\\])+?)(!=|==|=)((?:\\.|[^\\])*)$", term, re.DOTALL)
        if not found:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{term}'")
        path, operator, value = found.groups()
        terms.append(FieldRequirement(path, _unescape(value), operator != "!="))
    return tuple(terms)


def _unescape(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)


class _LabelParser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[str] = []
        position = 0
        stripped = text.rstrip()
        while position < len(stripped):
            found = _TOKEN.match(stripped, position)
            assert found, "every character is an operator, blank or part of a word"
            self._tokens.append(found[1] or found[2])
            position = found.end()
        self._at = 0

    def parse(self) -> tuple[LabelRequirement, ...]:
        terms: list[LabelRequirement] = []
        if not self._tokens:
            return ()
        while True:
            if not re.match(r"[^=,()<>]", self._peek()):
                raise bad_request(
                    f"found '{self._peek()}', expected: !, identifier, or 'end of string'"
                )
            terms.append(self._term())
            following = self._next()
            if following == "":
                return tuple(sorted(terms, key=lambda each: each.key))
            if following != ",":
                raise bad_request(f"found '{following}', expected: ',' or 'end of string'")
            if not re.match(r"[^=,()<>]", self._peek()):
                raise bad_request(f"found '{self._peek()}', expected: identifier after ','")

    def _term(self) -> LabelRequirement:
        if self._peek() == "!":
            self._next()
            return LabelRequirement(self._key(), _ABSENT)
        key = self._key()
        following = self._peek()
        if following in ("", ","):
            return LabelRequirement(key, _EXISTS)
        operator = self._next()
        if operator in (_IN, _NOT_IN):
            return LabelRequirement(key, operator, self._checked(key, self._set()))
        if operator not in _OPERATORS:
            raise self._fault(f"found '{operator}', expected: in, notin, =, ==, !=, gt, lt")
        value = "" if self._peek() in ("", ",") else self._next()
        if operator in "><" and not re.fullmatch(r"[+-]?\d+", value):
            raise self._fault("for 'Gt', 'Lt' operators, the value must be an integer")
        return LabelRequirement(key, _OPERATORS[operator], self._checked(key, frozenset({value})))

    def _key(self) -> str:
        key = self._next()
        if key == "" or not re.match(r"[^=!,()<>]", key):
            raise self._fault(f"found '{key}', expected: !, identifier, or 'end of string'")
        if faults := names.qualified(key):
            raise bad_request(
                f'unable to parse requirement: <nil>: Invalid value: "{key}": {"; ".join(faults)}'
            )
        return key

    def _set(self) -> frozenset[str]:
        opening = self._next()
        if opening != "(":
            raise self._fault(f"found '{opening}' expected: '('")
        values, value = set(), ""
        while True:
            following = self._next()
            if following in (",", ")"):
                values.add(value)
                value = ""
                if following == ")":
                    return frozenset(values)
            elif following == "" or value or not re.match(r"[^=!()<>]", following):
                raise self._fault(f"found '{following}', expected: ',', ')' or identifier")
            else:
                value = following

    def _checked(self, key: str, values: frozenset[str]) -> frozenset[str]:
        for value in values:
            if faults := names.label_value(value):
                raise bad_request(
                    f'unable to parse requirement: values[0][{key}]: Invalid value: "{value}": '
                    + "; ".join(faults)
                )
        return values

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _fault(self, text: str) -> Exception:
        return bad_request(f"unable to parse requirement: {text}")


FieldGetter = Callable[[Mapping[str, object]], str]
