"""The doors: HTTP in, the domain behind."""
