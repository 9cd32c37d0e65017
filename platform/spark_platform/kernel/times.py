"""Times as other systems write them."""

from __future__ import annotations

from datetime import datetime, timezone

__all__ = ["moment"]


def moment(text: str) -> datetime:
    """A time in UTC, such as ``2026-01-01T00:00:00.5Z``; Java and Go write up to nanoseconds."""
    main, _, fraction = text.rstrip("Z").partition(".")
    micros = int(fraction[:6].ljust(6, "0")) if fraction else 0
    return datetime.fromisoformat(main).replace(microsecond=micros, tzinfo=timezone.utc)
