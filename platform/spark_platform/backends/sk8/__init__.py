"""SK8: jobs as SparkApplications, which the Apache Spark Kubernetes Operator runs."""
