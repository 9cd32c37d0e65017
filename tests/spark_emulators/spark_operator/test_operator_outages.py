"""The API server goes away and comes back, with all that it knew."""

import contextlib

import pytest
from spark_apps import application
from spark_operators import Site

from spark_emulators.kubernetes.server import ApiServer
from spark_emulators.kubernetes.settings import Settings
from spark_emulators.spark_operator.resources.definitions import install
from spark_platform.kernel.kubernetes.client import connect
from spark_testkit.ports import free_ports


@pytest.fixture
def settings(tmp_path):
    (port,) = free_ports(1)
    return Settings(port=port, data=tmp_path / "data", kubeconfig=tmp_path / "kubeconfig")


def test_an_api_server_that_is_started_again_costs_nothing(settings):
    with contextlib.ExitStack() as end:
        with ApiServer(settings):
            with contextlib.closing(connect(settings.kubeconfig)) as kubernetes:
                install(kubernetes)
            site = Site(settings.kubeconfig, "default")
            end.callback(site.close)
            site.apply(application(tolerations={"resourceRetainPolicy": "Always"}))
            site.comes_to("DriverRequested")
            (driver,) = site.pods()
        # nobody is there: what the operator would do now fails, and is tried again
        site.advance(10)
        site.rests()
        with ApiServer(settings):
            site.says("app-0-driver", "Running")
            site.comes_to("RunningHealthy")
        with ApiServer(settings):
            site.says("app-0-driver", "Succeeded", exit_code=0)
            site.comes_to("TerminatedWithoutReleaseResources")
            assert [each["metadata"]["uid"] for each in site.pods()] == [driver["metadata"]["uid"]]
            assert site.states().count("DriverRequested") == 1
