"""The cluster's policies, applied to every write."""
