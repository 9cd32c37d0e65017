"""The Docker engine: its client, and what takes containers away when nobody else can."""
