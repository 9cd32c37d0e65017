"""Where objects live: one counter, all objects, a window of what changed."""
