"""What the catalog remembers, in one database."""
