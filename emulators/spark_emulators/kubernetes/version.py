"""Which Kubernetes this is."""

GIT_VERSION = "v1.36.3"
