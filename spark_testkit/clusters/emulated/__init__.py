"""Flavour ``emulated``: an API server and a node as processes of this machine."""
