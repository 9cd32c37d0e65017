"""Kubernetes as the project's programs speak to it: objects as JSON, errors of the one tree."""
