"""Delta: commits to tables whose log the catalog coordinates."""
