"""Plugins of the whole test suite; pytest wants them named here."""

pytest_plugins = ["pytester", "docker_fixtures", "cluster_fixtures"]
