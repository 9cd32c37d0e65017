"""Databases on each product."""

from database_fixtures import database, postgresql  # noqa: F401
