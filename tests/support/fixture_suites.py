"""Suites of users, which pass wherever the fixture ``spark`` comes from."""

STATE = """
        import pytest
        from pyspark.errors import AnalysisException
        from pyspark.sql import SparkSession
        from spark_fixtures import assert_df_equal

        def test_1_state_of_the_session(spark):
            spark.conf.set("spark.sql.shuffle.partitions", "77")
            spark.range(1).createOrReplaceTempView("mine")
            spark.udf.register("plus_one", lambda x: x + 1, "int")
            assert spark.sql("select plus_one(1)").first()[0] == 2

        def test_2_does_not_leak(spark, spark_session):
            assert spark is spark_session
            assert SparkSession.builder.getOrCreate() is spark
            assert spark.conf.get("spark.sql.shuffle.partitions") == "2"
            assert not spark.catalog.tableExists("mine")
            with pytest.raises(AnalysisException):
                spark.sql("select plus_one(1)").collect()

        def test_3_state_of_the_server(spark):
            spark.range(1).createGlobalTempView("everywhere")
            spark.sql("create table left_behind (id int) using parquet")
            spark.sql("create schema unity.left_schema")
            spark.sql("create table unity.left_schema.t (id int)")
            spark.sql("use unity.left_schema")
            spark.sql("create table u (id int)")
            spark.range(5).cache().count()
            spark.sql("create function spark_catalog.default.twice as 'org.example.Twice'")

        def test_4_is_cleaned(spark):
            for name in ("global_temp.everywhere", "left_behind", "unity.left_schema.t"):
                assert not spark.catalog.tableExists(name), name
            assert not spark.catalog.databaseExists("unity.left_schema")
            assert not spark.catalog.functionExists("spark_catalog.default.twice")

        def test_5_what_a_test_drops_itself_is_no_leak(spark):
            spark.sql("create table tidy (id int) using parquet")
            spark.sql("drop table tidy")
            cached = spark.range(6).cache()
            cached.count()
            cached.unpersist()

        def test_6_its_own_schema_is_no_leak(
            spark, schema, make_table, unity_catalog, s3, s3_bucket
        ):
            spark.sql(f"create table {schema}.t (id int)")
            name = make_table([(1, "a")], "id int, s string")
            assert_df_equal(spark.table(name), [(1, "a")])
            table = unity_catalog.catalog.load_table(name.removeprefix("unity."))
            assert table.scan().to_arrow().num_rows == 1
            s3.client.put_object(Bucket=s3_bucket, Key="x.csv", Body=b"a\\n1\\n")
            assert spark.read.csv(f"s3a://{s3_bucket}/x.csv", header=True).count() == 1

        @pytest.mark.sparktk(conf={"spark.sql.ansi.enabled": "false"})
        def test_7_marker_conf(spark):
            assert spark.sql("select cast('x' as int)").first()[0] is None

        @pytest.mark.sparktk(conf={"spark.sql.extensions": "x"})
        def test_8_static_conf_is_refused(spark):
            pass

        @pytest.mark.sparktk(isolation="island")
        def test_9_unknown_isolation_is_refused(spark):
            pass
"""


STATE_OUTCOMES = {"passed": 7, "errors": 2}


def check_state(result):
    """What pytest says of ``STATE``, besides how many passed."""
    result.stdout.fnmatch_lines(
        [
            "*static configuration needs @pytest.mark.sparktk(isolation=*server*",
            "*isolation 'island' is not known*",
            "*left behind by tests, and cleaned away*",
        ]
    )
    for what in (
        "global temporary view global_temp.everywhere",
        "table spark_catalog.default.left_behind",
        "schema unity.left_schema",
        "table unity.left_schema.u",
        "function spark_catalog.default.twice",
        "a cached DataFrame",
    ):
        result.stdout.fnmatch_lines([f"*test_state.py::test_3_state_of_the_server: {what}"])
    result.stdout.no_fnmatch_line("*test_state.py::test_[124567]_*: *table*")
