"""What fits into a container."""

from __future__ import annotations

from spark_platform.kernel.errors import InvalidInput

__all__ = ["check_memory"]

# what a JVM takes beside its heap, MiB
_BESIDE_THE_HEAP_MIB = 512


def check_memory(what: str, limit_mib: int, heap_mib: int, *, hint: str) -> None:
    """Refuse a limit that a JVM would be killed for.

    Args:
        what: whose memory it is.
        limit_mib: all that the container may take, MiB.
        heap_mib: its JVM's heap, MiB; 0 where it has none.

    Raises:
        InvalidInput: the heap and what a JVM takes beside it are more than the limit.
    """
    if heap_mib and limit_mib < heap_mib + _BESIDE_THE_HEAP_MIB:
        raise InvalidInput(
            f"{what}: a heap of {heap_mib} MiB, and {_BESIDE_THE_HEAP_MIB} MiB beside it, do not "
            f"fit into a container of {limit_mib} MiB",
            hint=hint,
        )
