"""Patches, as pure functions: what each kind of patch makes of an object."""
