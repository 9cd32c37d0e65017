"""Where jobs run: one Protocol, and an implementation for each kind of place."""
