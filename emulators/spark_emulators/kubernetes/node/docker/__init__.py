"""The docker runtime: a container is a container of the local Docker engine."""
