"""The built-in kinds' own behaviour. Importing this fills the table of strategies."""

from spark_emulators.kubernetes.api.crds import definitions
from spark_emulators.kubernetes.api.kinds import cluster, config, pods, services, workloads

__all__ = ["cluster", "config", "definitions", "pods", "services", "workloads"]
