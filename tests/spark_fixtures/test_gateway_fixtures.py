"""The platform's fixtures as a suite meets them."""

from fixture_suites import STATE, STATE_OUTCOMES, check_state
from kube_nodes import need_namespaces
from stacks import folders_of

# the suite's own `spark` is the Gateway's
THROUGH_THE_GATEWAY = """
    import pytest

    @pytest.fixture
    def sparktk_spark(sparktk_gateway_spark):
        return sparktk_gateway_spark
"""

PLATFORM = """
    import pytest
    from kubernetes import client, config
    from spark_platform.kernel.errors import NotFound

    PLACE = ("spark.apache.org", "v1", "default", "sparkapplications")

    def test_a_session_is_on_a_driver_of_its_users(gateway_spark, gateway):
        assert gateway_spark.range(3).count() == 3
        api = config.new_client_from_config(str(gateway.kubeconfig))
        drivers = client.CustomObjectsApi(api).list_namespaced_custom_object(*PLACE)["items"]
        assert any(each["metadata"]["name"].startswith("connect-") for each in drivers)
        api.close()

    @pytest.mark.sparktk(isolation="server")
    def test_a_server_of_its_own_is_refused(gateway_spark):
        pass

    @pytest.mark.sparktk(isolation="clone")
    def test_a_clone(gateway_spark):
        assert gateway_spark.range(4).count() == 4

    def test_runs_of_a_domain(runner):
        with runner.client() as runs:
            assert runs.list() == []
            with pytest.raises(NotFound):
                runs.check("nothing-000000000000")
"""


def test_the_public_suite_and_the_platforms_pass_through_the_gateway(suite, settings):
    need_namespaces()
    files = {"test_state": STATE, "test_platform": PLATFORM}
    # tests of one file see what those before them left
    split = ("-n", "2", "--dist", "loadfile")
    result = suite(*split, "-v", conftest=THROUGH_THE_GATEWAY, **files)
    result.assert_outcomes(passed=STATE_OUTCOMES["passed"] + 3, errors=STATE_OUTCOMES["errors"] + 1)
    check_state(result)
    result.stdout.fnmatch_lines(["*a driver behind the Gateway is its user's*"])
    assert folders_of(settings) == []
