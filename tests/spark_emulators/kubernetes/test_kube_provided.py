"""Objects that a cluster has from its start."""

import json

import pytest

from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.provided import provide
from spark_platform.kernel.errors import InvalidInput

SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "default"}}


@pytest.fixture
def cluster():
    cluster = Cluster()
    yield cluster
    cluster.close()


def test_they_are_made_once(cluster, tmp_path):
    file = tmp_path / "objects.yaml"
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "travel"}}
    given = [namespace, {**SECRET, "stringData": {"key": "v"}}]
    file.write_text("---\n".join(json.dumps(each) + "\n" for each in given) + "---\n")
    provide(cluster, file)
    provide(cluster, file)
    assert cluster.get("v1", "Namespace", "", "travel")
    assert cluster.get("v1", "Secret", "default", "s")["data"] == {"key": "dg=="}


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("a: [", "is no YAML"),
        ("just text", "object 1 has no apiVersion, kind or metadata.name"),
        ("{apiVersion: v1, kind: Secret}", "object 1 has no apiVersion"),
        ("{apiVersion: v9, kind: Thing, metadata: {name: x}}", "object 1: "),
        (json.dumps(SECRET) + "\n---\n" + json.dumps({**SECRET, "metadata": {
            "name": "UPPER", "namespace": "default"}}), "object 2: "),
    ],
)  # fmt: skip
def test_files_that_cannot_be(cluster, tmp_path, text, match):
    file = tmp_path / "objects.yaml"
    file.write_text(text)
    with pytest.raises(InvalidInput, match=match) as refused:
        provide(cluster, file)
    assert str(file) in refused.value.message


def test_a_file_that_is_not_there(cluster, tmp_path):
    with pytest.raises(InvalidInput, match="cannot read"):
        provide(cluster, tmp_path / "none")
