"""What a driver is made of: from a specification to the objects to create. Pure.

Source: Spark's own ``KubernetesDriverBuilder`` and its feature steps (Spark 4.1), which the Apache
operator calls in the JVM; executors are left to the driver's own scheduler backend.
"""
