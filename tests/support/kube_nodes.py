"""Whether pods can be processes on this machine."""

import contextlib
import os
import subprocess

from requirements import need


def has_namespaces() -> bool:
    """Whether this system lets this user make namespaces."""
    user = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        tried = subprocess.run(["unshare", *user, "--mount", "--pid", "--fork", "true"], timeout=30)
        return tried.returncode == 0
    return False


def need_namespaces() -> None:
    """Skip or fail the test where pods cannot be processes."""
    need("namespaces", has_namespaces(), "`unshare` of util-linux, and leave to use it")
