"""Nodes: pods that really run, and what the API server asks of them."""
