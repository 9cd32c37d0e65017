"""Docker: a job is one container, in which Spark runs alone."""
