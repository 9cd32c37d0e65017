"""Spark Gateway: one door to SparkApplications on many clusters."""
