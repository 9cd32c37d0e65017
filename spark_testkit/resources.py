"""Files that belong to the toolkit but are not Python: engines, locks and examples."""

from __future__ import annotations

from pathlib import Path

from spark_platform.kernel.errors import Missing

__all__ = ["resource"]

_PACKAGE = Path(__file__).resolve().parent


def resource(relative: str) -> Path:
    """The path of a file or folder that ships with the toolkit.

    Args:
        relative: its path in the repository, such as ``images/engines.toml``. A checkout has it
            there; an installed wheel carries it inside the package.

    Raises:
        Missing: neither place has it.
    """
    for root in (_PACKAGE / "_data", _PACKAGE.parent):
        path = root / relative
        if path.exists():
            return path
    raise Missing(
        f"the toolkit's file {relative} is neither in {_PACKAGE / '_data'} nor in a checkout",
        hint="reinstall spark-testkit: its wheel is incomplete",
    )
