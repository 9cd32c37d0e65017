"""A Kubernetes API server in one process, for machines that have no cluster.

``python -m spark_emulators.kubernetes`` serves it; ``cluster.Cluster`` is the same without HTTP,
for the scheduler, kubelet and controllers that live in the same process. Only ``wire`` and
``server`` know HTTP.
"""
