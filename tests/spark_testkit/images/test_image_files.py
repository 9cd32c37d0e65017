"""Rules that every Dockerfile and script of an image keeps."""

import re
import shutil
import subprocess

import pytest

from requirements import need
from spark_testkit.images.plan import LAYERS
from spark_testkit.resources import resource

IMAGES = resource("images")
# they stand on an image whose user is not root, and never become root
INHERIT_THEIR_USER = {"spark-connectors", "spark-platform", "spark-platform-dev"}


def dockerfile(layer):
    return (IMAGES / layer / "Dockerfile").read_text()


def instructions(text):
    joined = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", text, flags=re.M))
    return [line.split(None, 1) for line in joined.splitlines() if line.strip()]


def test_every_layer_has_its_folder_and_every_folder_is_a_layer():
    assert {path.parent.name for path in IMAGES.glob("*/Dockerfile")} == set(LAYERS)


@pytest.mark.parametrize("layer", LAYERS)
class TestDockerfile:
    def test_starts_from_an_argument(self, layer):
        keywords = instructions(dockerfile(layer))
        assert keywords[0][0] == "ARG"
        assert re.fullmatch(r"BASE_IMAGE=[a-z-]+:[a-z0-9.-]+", keywords[0][1])
        assert keywords[1] == ["FROM", "${BASE_IMAGE}"]

    def test_says_what_it_is(self, layer):
        labels = " ".join(rest for name, rest in instructions(dockerfile(layer)) if name == "LABEL")
        for label in ("title", "description", "licenses"):
            assert f"org.opencontainers.image.{label}=" in labels

    def test_ends_as_somebody_who_is_not_root(self, layer):
        users = [rest for name, rest in instructions(dockerfile(layer)) if name == "USER"]
        assert users[-1:] == ([] if layer in INHERIT_THEIR_USER else ["185"])

    def test_fetches_nothing_but_debian_packages(self, layer):
        steps = [rest for name, rest in instructions(dockerfile(layer)) if name == "RUN"]
        for word in ("curl", "wget", "pip ", "git ", "http:", "https:"):
            assert not any(word in step for step in steps), word
        assert not any(name == "ADD" for name, _ in instructions(dockerfile(layer)))

    def test_leaves_no_package_lists(self, layer):
        for name, rest in instructions(dockerfile(layer)):
            if name == "RUN" and "apt-get install" in rest:
                assert "--no-install-recommends" in rest
                assert "rm -rf /var/lib/apt/lists/*" in rest


def test_versions_stand_in_engines_toml_alone():
    for layer in LAYERS:
        for name, rest in instructions(dockerfile(layer))[1:]:
            assert not re.search(r"\b\d+\.\d+(\.\d+)?\b", rest) or name == "LABEL", rest


@pytest.mark.parametrize("script", sorted(IMAGES.rglob("*.sh")), ids=lambda path: path.name)
def test_shellcheck_has_nothing_to_say(script):
    need("shellcheck", shutil.which("shellcheck") is not None, "apt-get install shellcheck")
    found = subprocess.run(["shellcheck", script], capture_output=True, text=True, timeout=60)
    assert found.returncode == 0, found.stdout
