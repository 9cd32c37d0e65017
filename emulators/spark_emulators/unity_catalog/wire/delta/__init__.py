"""The API of Delta's own readers and writers (``/delta/v1``)."""
