"""What requests may ask for beside their object: nothing is silently ignored. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from spark_platform.kernel.errors import InvalidInput

__all__ = ["number", "only", "selected_name"]

_DIGITS = 18


def only(given: Iterable[str], known: Sequence[str], words: str) -> None:
    """Refuse what would silently be ignored.

    Args:
        given: the names that were given.
        known: those that are honoured.
        words: what they are, with ``{}`` for the name.

    Raises:
        InvalidInput: names the first that is not known.
    """
    for name in given:
        if name not in known:
            raise InvalidInput(
                f"{words.format(name)} is not supported by the gateway",
                hint=f"supported: {', '.join(known)}",
            )


def number(query: Mapping[str, str], name: str, *, most: int | None = None) -> int | None:
    """A number that a request gives; None where it gives none.

    Args:
        most: the greatest that is allowed.

    Raises:
        InvalidInput: it is none.
    """
    text = query.get(name)
    if text is None:
        return None
    # what is longer is no number that a database or a cluster knows
    if not text.isdecimal() or len(text) > _DIGITS or (most is not None and int(text) > most):
        limit = f", at most {most}" if most is not None else ""
        raise InvalidInput(f"{name} is {text!r}", hint=f"a number{limit}")
    return int(text)


def selected_name(selector: str) -> str:
    """The name that a field selector asks for; empty where there is no selector.

    kubectl says ``metadata.name=NAME`` wherever it waits for one object.

    Raises:
        InvalidInput: it is of another field, or asks for something else than equality.
    """
    if not selector:
        return ""
    field, _, name = selector.partition("=")
    name = name.removeprefix("=")
    if field != "metadata.name" or not name or "," in name or "=" in name:
        raise InvalidInput(
            f"the field selector {selector!r} is not supported by the gateway",
            hint="supported: metadata.name=NAME",
        )
    return name
