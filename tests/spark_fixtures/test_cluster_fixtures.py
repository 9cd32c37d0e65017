"""Fixtures of Kubernetes: a cluster for a run, a namespace for a test, faults that end with it."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest
from kube_nodes import need_namespaces
from stacks import cli, processes_of

from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.clusters.clusters import Clusters

EMULATED = "--sparktk-cluster=emulated"
USES = """
    from kubernetes.client import CoreV1Api

    def names(cluster, namespace):
        found = CoreV1Api(cluster.client).list_namespaced_config_map(namespace).items
        return [each.metadata.name for each in found if each.metadata.name != "kube-root-ca.crt"]
"""


@pytest.fixture(autouse=True)
def _nodes():
    need_namespaces()


def test_workers_share_a_cluster_and_no_namespace(suite, settings):
    result = suite(
        EMULATED,
        "-n2",
        uses=USES,
        test_many="""
        import pytest
        from kubernetes.client import CoreV1Api
        from uses import names

        @pytest.mark.parametrize("number", range(4))
        def test_a_place_of_its_own(
            kubernetes_cluster, kubernetes_namespace, number, tmp_path_factory
        ):
            assert names(kubernetes_cluster, kubernetes_namespace) == []
            core = CoreV1Api(kubernetes_cluster.client)
            core.create_namespaced_config_map(kubernetes_namespace, {"metadata": {"name": "mine"}})
            assert names(kubernetes_cluster, kubernetes_namespace) == ["mine"]
            assert len(core.list_node().items) == 2
            clusters = tmp_path_factory.getbasetemp().parent / "clusters"
            with clusters.open("a") as file:
                file.write(str(kubernetes_cluster.kubeconfig) + chr(10))
            assert len(set(clusters.read_text().split())) == 1
        """,
    )
    result.assert_outcomes(passed=4)
    assert Clusters(settings).all() == []
    assert processes_of(settings) == []


def test_a_fault_ends_with_its_test(suite, settings):
    result = suite(
        EMULATED,
        test_faults="""
        import pytest
        from kubernetes.client import ApiException, CoreV1Api

        def test_1_begins_one(kubernetes_cluster, kubernetes_namespace, kubernetes_faults):
            core = CoreV1Api(kubernetes_cluster.client)
            kubernetes_faults.errors("configmaps", namespace=kubernetes_namespace)
            with pytest.raises(ApiException) as error:
                core.list_namespaced_config_map(kubernetes_namespace)
            assert error.value.status == 500

        def test_2_knows_nothing_of_it(kubernetes_namespace, kubernetes_faults):
            assert kubernetes_faults.rules() == []
        """,
    )
    result.assert_outcomes(passed=2)
    assert Clusters(settings).all() == []


def test_it_ends_with_a_run_that_is_killed(settings, tmp_path):
    (tmp_path / "test_waits.py").write_text(
        textwrap.dedent("""
        import time

        def test_waits(kubernetes_cluster, tmp_path_factory):
            (tmp_path_factory.getbasetemp().parent / "up").touch()
            time.sleep(600)
        """)
    )
    base = tmp_path / "base" / "one"
    base.parent.mkdir()
    run = subprocess.Popen(
        [sys.executable, "-m", "pytest", EMULATED, f"--basetemp={base}", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={**os.environ, **settings.as_env()},
        stdout=subprocess.DEVNULL,
    )
    try:

        def there() -> None:
            if not (base.parent / "up").exists():
                raise NotYet("it is not up")

        poll(there, what="the run's cluster", timeout_s=120)
    finally:
        os.kill(run.pid, signal.SIGKILL)
        run.wait()

    def gone() -> None:
        if left := processes_of(settings):
            raise NotYet(f"there are {left}")

    poll(gone, what="its end", timeout_s=30)
    (dead,) = Clusters(settings).all()
    assert dead.state == "failed"


def test_a_remote_cluster_is_what_kubeconfig_names(suite, settings):
    with_cluster = """
        def test_remote(kubernetes_cluster, kubernetes_namespace):
            assert kubernetes_cluster.flavor == "remote"
    """
    # a process of its own: what is imported during a test that uses pytester is forgotten after it
    assert cli("cluster", "up", "elsewhere", settings=settings).returncode == 0
    (made,) = Clusters(settings).all()
    result = suite(
        "--sparktk-cluster=remote", env={"KUBECONFIG": str(made.kubeconfig)}, test_r=with_cluster
    )
    result.assert_outcomes(passed=1)
    assert [each.name for each in Clusters(settings).all()] == ["elsewhere"]
    result = suite("--sparktk-cluster=remote", env={"KUBECONFIG": "/nowhere"}, test_r=with_cluster)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*KUBECONFIG names no file: '/nowhere'*"])


def test_a_cluster_of_an_unknown_flavour_is_refused(suite):
    result = suite("--sparktk-cluster=cloud", test_any="def test_any(): pass")
    result.stderr.fnmatch_lines(["*cloud*"])
    assert result.ret != 0
