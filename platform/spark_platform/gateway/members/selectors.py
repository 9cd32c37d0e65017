"""Selectors of labels, as Kubernetes writes them. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from spark_platform.kernel.errors import InvalidInput

__all__ = ["selector"]

Labels = Mapping[str, str]
# a comma between two requirements, none within a set
_COMMA = re.compile(r",(?![^()]*\))")
_KEY = r"(?P<key>[A-Za-z0-9][-A-Za-z0-9_./]*)"
_REQUIREMENT = re.compile(
    rf"\s*(?:(?P<not>!)\s*)?{_KEY}\s*"
    r"(?:(?P<operator>==|=|!=)\s*(?P<value>[-A-Za-z0-9_.]*)"
    r"|\s(?P<set>in|notin)\s*\((?P<values>[-A-Za-z0-9_., ]*)\))?\s*"
)


def selector(text: str) -> Callable[[Labels], bool]:
    """What tells whether labels are as a selector wants them; an empty one wants nothing.

    Raises:
        InvalidInput: it is none.
    """
    tests = [_requirement(part) for part in _COMMA.split(text)] if text.strip() else []
    return lambda labels: all(test(labels) for test in tests)


def _requirement(text: str) -> Callable[[Labels], bool]:
    found = _REQUIREMENT.fullmatch(text)
    if found is None or (found["not"] and (found["operator"] or found["set"])):
        raise InvalidInput(f"the label selector {text!r} cannot be understood")
    key = found["key"]
    if found["operator"]:
        values, wanted = {found["value"]}, found["operator"] != "!="
    elif found["set"]:
        values = {each.strip() for each in found["values"].split(",")}
        wanted = found["set"] == "in"
    elif found["not"]:
        return lambda labels: key not in labels
    else:
        return lambda labels: key in labels
    # what lacks the label is not among the values
    return lambda labels: (labels[key] in values if key in labels else False) == wanted
