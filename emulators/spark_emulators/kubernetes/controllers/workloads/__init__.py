"""Controllers of the kinds that make pods."""
