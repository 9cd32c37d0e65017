"""SK8: the Spark operator, as the Apache Spark Kubernetes Operator behaves.

It turns ``SparkApplication`` and ``SparkCluster`` objects (group ``spark.apache.org``) into
drivers, executors and standalone clusters on any Kubernetes API, and tells in their status what
became of them. ``resources`` is what users write, ``states`` and ``decide`` what follows from what
is seen, ``driver`` what a driver is made of; ``reconciler`` does it.
"""
