"""Plugins of the whole test suite; pytest wants them named here."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["pytester", "docker_fixtures", "cluster_fixtures"]

# how long an example takes is the machine's business; all else stays, what CI has of its own too
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")
