"""Maven projects whose own tests are what is to pass."""

import os
import shutil
from xml.etree import ElementTree

from requirements import need
from spark_platform.kernel.process import run

# a first run fetches Maven's plugins and the clients
_TIMEOUT_S = 600


def copied(project, folder):
    """A copy of a project in a folder: Maven writes beside its sources."""
    how = "install maven and openjdk-17-jdk-headless"
    need("maven", bool(shutil.which("mvn") and shutil.which("javac")), how)
    return shutil.copytree(project, folder / project.name, ignore=shutil.ignore_patterns("target"))


def passed(project, **environment):
    """How many of the project's tests there are in each class, all of which have passed."""
    run(
        ["mvn", "--quiet", "--batch-mode", "test"],
        cwd=project,
        env={**os.environ, **environment},
        timeout_s=_TIMEOUT_S,
        dies_with_caller=True,
    )
    reports = [
        ElementTree.parse(path).getroot() for path in project.glob("target/surefire-reports/*.xml")
    ]
    assert {each.get(key) for each in reports for key in ("failures", "errors", "skipped")} == {"0"}
    return {each.get("name"): int(each.get("tests")) for each in reports}
