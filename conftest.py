"""Test-wide rules: see ``tests/support/requirements.py``."""
