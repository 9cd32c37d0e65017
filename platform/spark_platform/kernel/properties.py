"""Java properties files, which Spark reads its settings from."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["properties"]


def properties(values: Mapping[str, str]) -> str:
    """The text of a file that ``java.util.Properties`` reads back, in whatever encoding."""
    lines = (f"{_escaped(key)}={_escaped(values[key], value=True)}\n" for key in sorted(values))
    return "".join(lines)


def _escaped(text: str, *, value: bool = False) -> str:
    shown = []
    for index, char in enumerate(text):
        if char in "\\" or (not value and char in " :=") or (index == 0 and char in "#! "):
            shown.append(f"\\{char}")
        elif char in "\n\r\t\f":
            shown.append({"\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f"}[char])
        elif not " " <= char <= "~":
            units = char.encode("utf-16-be")
            shown += [f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2)]
        else:
            shown.append(char)
    return "".join(shown)
