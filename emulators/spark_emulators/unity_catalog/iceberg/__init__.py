"""Iceberg tables: metadata, commits and files, by pyiceberg's models and our rules."""
