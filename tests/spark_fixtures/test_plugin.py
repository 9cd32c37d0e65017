"""The plugin as a suite meets it: options, header, aliases, what is refused."""

import pytest
from stacks import USER_CACHE, folders_of

from spark_testkit.settings import Settings
from spark_testkit.stack import Stack

HELLO = """
    def test_hello(spark):
        assert spark.range(3).count() == 3
"""


def test_a_suite_that_never_asks_for_spark_starts_and_imports_nothing(suite, settings):
    result = suite(
        test_plain="""
        import sys

        def test_plain():
            heavy = {"pyspark", "boto3", "docker", "grpc", "pandas", "pyiceberg"}
            assert not heavy & set(sys.modules)
        """
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["sparktk: process provider, default engine*cold*"])
    assert folders_of(settings) == []


def test_short_names_can_be_switched_off(suite, settings, pytester):
    pytester.makeini("[pytest]\nsparktk_aliases = false\n")
    result = suite(
        test_names="""
        def test_long(sparktk_s3, sparktk_s3_bucket): pass
        def test_short(s3): pass
        """
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*fixture 's3' not found*"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--sparktk-provider=cloud"],
            "*sparktk provider 'cloud': allowed are process, docker, remote*",
        ),
        (["-o", "sparktk_conf=novalue"], "*'novalue' is not key=value*"),
        (["-o", "sparktk_leaks=maybe"], "*sparktk leaks 'maybe': allowed are report, error*"),
    ],
)
def test_a_wrong_option_is_one_clear_error(suite, settings, arguments, words):
    result = suite(*arguments, test_hello=HELLO)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([words])


def test_an_unknown_engine_is_one_clear_error(suite, settings):
    result = suite("--sparktk-engine=9.9", test_hello=HELLO)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*engine version '9.9' is not known; allowed: 4.1, 4.0, 3.5*"])
    result.stdout.no_fnmatch_line("*Traceback*")
    assert folders_of(settings) == []


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    """The environment of a server that runs already, and the settings of its stack."""
    settings = Settings(tmp_path_factory.mktemp("there") / "state", USER_CACHE)
    with Stack("there", settings=settings) as stack:
        stack.up("spark-connect")
        yield stack.env(), settings


def test_remote_uses_what_the_environment_names_and_starts_nothing(suite, settings, there):
    env, its = there
    result = suite("--sparktk-provider=remote", env=env, test_hello=HELLO)
    result.assert_outcomes(passed=1)
    assert (folders_of(settings), folders_of(its)) == ([], ["there"])


def test_a_leak_can_be_an_error(suite, settings, pytester, there):
    pytester.makeini("[pytest]\nsparktk_leaks = error\n")
    env, _ = there
    result = suite(
        "--sparktk-provider=remote",
        env=env,
        test_leak="""
        def test_leak(spark):
            spark.range(1).createGlobalTempView("g")
        """,
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["*left on the shared server: global temporary view global_temp.g*"]
    )


def test_remote_has_no_servers_of_ones_own(suite, settings):
    result = suite(
        "--sparktk-provider=remote",
        env={"SPARK_REMOTE": "sc://localhost:1/;token=secret-0123"},
        test_own="""
        import pytest

        @pytest.mark.sparktk(isolation="server")
        def test_own(spark): pass

        @pytest.mark.sparktk(engine="3.5")
        def test_older(spark): pass
        """,
    )
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*isolation='server' cannot be had from provider remote*"])
    result.stdout.fnmatch_lines(["*engine '3.5' cannot be had from provider remote*"])
    result.stdout.no_fnmatch_line("*secret-0123*")


def test_remote_says_which_variable_is_missing(suite, settings):
    result = suite("--sparktk-provider=remote", test_hello=HELLO)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*spark-connect needs SPARK_REMOTE in the environment*"])
