"""When a schedule strikes: cron's five fields, in UTC. Pure."""

from __future__ import annotations

import re

from spark_platform.kernel.errors import InvalidInput

__all__ = ["check"]

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, start=1)}),
    # 7 is Sunday, too
    ("day of week", 0, 7, {name: number for number, name in enumerate(_WEEKDAYS)}),
)
_LONGEST = dict(enumerate((31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), start=1))
_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_PART = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>[0-9]{1,3}))?")
_ORDER = "minute hour day-of-month month day-of-week"


def check(text: str) -> None:
    """See that a schedule is one: numbers, names, ``*``, lists, ranges and steps.

    Raises:
        InvalidInput: it is none, or would never strike.
    """
    fields = text.split()
    if len(fields) != len(_FIELDS):
        macro = _MACROS.get(text.strip().lower())
        hint = f'write "{macro}"' if macro else f'{_ORDER}, such as "0 6 * * *"'
        raise InvalidInput(f"{text!r} has {len(fields)} of cron's five fields", hint=hint)
    _, _, days, months, _ = (
        _values(field, *limits) for field, limits in zip(fields, _FIELDS, strict=True)
    )
    # of day and weekday either will do, unless one is left open
    if fields[4].startswith("*") and all(min(days) > _LONGEST[month] for month in months):
        raise InvalidInput(f"{text!r} never strikes", hint="no month of these has such a day")


def _values(field: str, name: str, low: int, high: int, names: dict[str, int]) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise InvalidInput(
                f"{name} {part!r} is nothing cron knows",
                hint="numbers, *, lists 1,2, ranges 1-5 and steps */15",
            )
        first, last, step = match["first"], match["last"], match["step"]
        if first == "*":
            start, end = low, high
        else:
            start = _number(first, name, low, high, names)
            open_end = high if step else start
            end = _number(last, name, low, high, names) if last else open_end
        if (first == "*" and last) or start > end or (step and not int(step)):
            raise InvalidInput(
                f"{name} {part!r} is empty", hint="a range goes up, and a step is above 0"
            )
        found.update(range(start, end + 1, int(step or 1)))
    return found


def _number(text: str, name: str, low: int, high: int, names: dict[str, int]) -> int:
    number = names.get(text.upper())
    if number is None and re.fullmatch(r"[0-9]{1,4}", text):
        number = int(text)
    if number is None or not low <= number <= high:
        words = f", or {next(iter(names))} to {list(names)[-1]}" if names else ""
        raise InvalidInput(f"{name} {text!r} is not allowed", hint=f"{low} to {high}{words}")
    return number
