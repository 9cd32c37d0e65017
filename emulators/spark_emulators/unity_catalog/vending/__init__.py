"""Credentials for a part of a store, for a while: what clients get instead of the store's keys."""
