"""The main job on a real cluster, with all of the platform in it as pods."""

import dataclasses
import json
import os

from cluster_fixtures import need_kind
from demos import went_the_whole_way
from stacks import cli

from requirements import need
from spark_platform.kernel.docker.daemon import Daemon
from spark_testkit.clusters.kind.plan import LABEL, kind_name
from spark_testkit.programs import MINIO
from spark_testkit.settings import Settings

NAME = "demo"
# making the cluster and giving it its images is half of it
TIMEOUT_S = 840


def test_the_demo_goes_the_whole_way_on_a_cluster_of_its_own(images, tmp_path):
    need_kind()
    settings = dataclasses.replace(Settings.from_env(os.environ), state_dir=tmp_path)
    need("minio", MINIO.built(settings) is not None, "`make minio` builds it")
    images()
    arguments = ("demo", "--flavor", "kind", "--name", NAME, "-o", "json")
    result = cli(*arguments, settings=settings, timeout=TIMEOUT_S)
    assert result.returncode == 0, result.stderr
    went_the_whole_way(json.loads(result.stdout))
    assert os.listdir(settings.state_dir / "clusters") == []
    with Daemon() as daemon:
        own = {"label": f"{LABEL}={kind_name(NAME, settings.state_dir)}"}
        assert daemon.client.containers.list(all=True, filters=own) == []
