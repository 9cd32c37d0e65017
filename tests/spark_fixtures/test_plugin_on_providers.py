"""The plugin on each provider: isolation, clean-up, leaks, dead servers, xdist, reuse."""

from fixture_suites import STATE, STATE_OUTCOMES, check_state
from stacks import folders_of

PROVIDER = "--sparktk-provider="

HELLO = """
    def test_hello(spark):
        assert spark.range(3).count() == 3
"""

VERDICTS = """
    import pytest

    def test_1_cached_twice_and_uncached_once(spark):
        frame = spark.range(7).cache()
        frame.cache().count()
        frame.unpersist()

    def test_2_cleared(spark):
        spark.range(8).cache().count()
        spark.catalog.clearCache()
        spark.range(9).cache().count()
        spark.sql("clear cache")

    def test_3_its_own_schema_by_another_spelling(spark, schema):
        name = schema.removeprefix("unity.")
        spark.sql(f"create table unity . `{name}`.t (id int)")
        spark.sql(f"use unity.`{name}`")
        spark.sql("create table u (id int)")

    @pytest.mark.sparktk(isolation="server", conf={"spark.sql.globalTempDatabase": "own_temp"})
    def test_4_a_server_of_its_own(spark, spark_server):
        assert spark.client._builder.url.geturl() not in spark_server.url
        spark.sql("create table t (id int) using parquet")
        spark.range(1).createGlobalTempView("g")
        assert spark.table("own_temp.g").count() == 1
        spark.range(5).cache().count()
        spark.sql("create schema unity.from_a_server_of_its_own")

    def test_5_a_schema_that_others_use(spark, unity_catalog):
        from pyiceberg.schema import Schema

        spark.sql("create schema unity.shared")
        unity_catalog.catalog.create_table("shared.somebodys", Schema())
        spark.sql("create table unity.shared.mine (id int)")

    def test_6_where_that_is_still_there(unity_catalog):
        assert unity_catalog.catalog.list_tables("shared") == [("shared", "somebodys")]
        assert ("from_a_server_of_its_own",) not in unity_catalog.catalog.list_namespaces()

    def test_7_cleans_up_itself(spark, schema, s3, s3_bucket, unity_catalog):
        s3.client.delete_bucket(Bucket=s3_bucket)
        spark.sql(f"drop schema {schema}")

    def test_8_versions_of_objects(s3, s3_bucket):
        s3.client.put_bucket_versioning(
            Bucket=s3_bucket, VersioningConfiguration={"Status": "Enabled"}
        )
        for body in (b"1", b"2"):
            s3.client.put_object(Bucket=s3_bucket, Key="x", Body=body)
        s3.client.delete_object(Bucket=s3_bucket, Key="x")
        s3.client.put_object(Bucket=s3_bucket, Key="y", Body=b"")
"""

SEED = """
    import pytest

    @pytest.fixture(scope="session")
    def sparktk_seed():
        def seed(spark):
            spark.range(10).createOrReplaceTempView("numbers")
        return seed
"""

CLONES = """
    import pytest
    from pyspark.sql import SparkSession

    @pytest.mark.sparktk(isolation="clone")
    @pytest.mark.parametrize("turn", [1, 2])
    def test_a_clone_has_the_seed_and_nothing_of_others(spark, turn):
        assert SparkSession.builder.getOrCreate() is spark
        assert spark.table("numbers").count() == 10
        assert not spark.catalog.tableExists("extra")
        spark.range(1).createOrReplaceTempView("extra")
        spark.range(1).createOrReplaceTempView("numbers")
"""

MANY = """
    import pytest

    @pytest.mark.parametrize("number", range(12))
    def test_same_names_do_not_collide(spark, schema, s3_bucket, number, tmp_path_factory):
        spark.sql(f"create table {schema}.t as select {number} as n")
        assert spark.table(f"{schema}.t").first()[0] == number
        servers = tmp_path_factory.getbasetemp().parent / "servers"
        with servers.open("a") as file:
            file.write(spark.conf.get("spark.app.id") + chr(10))
        assert len(set(servers.read_text().split())) == 1

    @pytest.mark.parametrize("number", range(4))
    def test_leaker(spark, number):
        spark.sql(f"create table leak_{number} (id int) using parquet")
"""


def test_isolation_clean_up_and_leaks(suite, settings, provider):
    files = {"test_clones": CLONES, "test_state": STATE, "test_verdicts": VERDICTS}
    # two workers, whose stack ends with the run; tests of one file see what those before them left
    split = ("-n2", "--dist", "loadfile")
    result = suite(PROVIDER + provider, *split, "-v", conftest=SEED, **files)
    result.assert_outcomes(passed=STATE_OUTCOMES["passed"] + 2 + 8, errors=STATE_OUTCOMES["errors"])
    check_state(result)
    lines = result.stdout.str().partition("left behind by tests")[2].splitlines()
    told = [line.partition("::")[2] for line in lines if line.startswith("test_verdicts.py::")]
    assert told[:-1] == [
        "test_4_a_server_of_its_own: schema unity.from_a_server_of_its_own",
        "test_5_a_schema_that_others_use: table unity.shared.mine",
        "test_5_a_schema_that_others_use: schema unity.shared",
    ]
    assert told[-1].startswith(f"{told[-2]} (not cleaned away")
    assert folders_of(settings) == []


def test_a_server_that_dies_fails_one_test_and_is_replaced(suite, settings, provider):
    result = suite(
        PROVIDER + provider,
        test_killed="""
        import os
        import signal

        import pytest
        from spark_platform.kernel.docker.daemon import Daemon
        from spark_testkit.settings import Settings
        from spark_testkit.stack_folder import StackFolder

        def kill_spark():
            (folder,) = StackFolder.all(Settings.from_env(os.environ))
            server = folder.processes().get("spark-connect")
            if server:
                os.kill(server.pid, signal.SIGKILL)
                return
            with Daemon() as daemon:
                (container,) = [
                    each
                    for each in daemon.client.containers.list()
                    if each.name.endswith(f"{folder.name}-spark-connect")
                ]
                container.kill()

        def test_1_kills_it(spark):
            spark.range(3).cache().count()
            kill_spark()

        @pytest.mark.sparktk(isolation="clone")
        def test_2_has_another(spark):
            assert spark.range(3).count() == 3

        @pytest.mark.sparktk(isolation="clone")
        def test_3_kills_the_template_too(spark):
            kill_spark()

        @pytest.mark.sparktk(isolation="clone")
        def test_4_has_another_template(spark):
            assert spark.range(3).count() == 3
        """,
    )
    result.assert_outcomes(passed=4, errors=2)
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_1_kills_it*"])
    result.stdout.fnmatch_lines(["the Spark server ended during this test*"])
    assert folders_of(settings) == []


def test_workers_share_a_server_which_the_next_run_can_reuse(suite, settings, provider):
    first = suite(PROVIDER + provider, "--sparktk-reuse", "-n2", "-v", test_many=MANY)
    first.assert_outcomes(passed=16)
    for number in range(4):
        first.stdout.fnmatch_lines(
            [f"*test_leaker[[]{number}[]]: table spark_catalog.default.leak_{number}"]
        )
    (stack,) = folders_of(settings)
    second = suite(PROVIDER + provider, "--sparktk-reuse", "test_hello.py", test_hello=HELLO)
    second.assert_outcomes(passed=1)
    second.stdout.fnmatch_lines([f"sparktk: {provider} *{stack} (reused)*"])
    assert folders_of(settings) == [stack]
