"""Connect in a container, asked by a stock client on this machine."""

import json
import subprocess
import sys
import urllib.request

import pytest
from containers import TOKEN, Containers, await_log, published

from spark_platform.kernel import wait
from spark_testkit.engine import connect_url, engine_spec, engine_specs
from spark_testkit.services.spark_connect import ConnectReadiness

# a process of its own: a client in this one would keep asking when its server is gone
CLIENT = """
import sys
from pyspark.sql.connect.session import SparkSession
spark = SparkSession.builder.remote(sys.argv[1]).create()
print(spark.version, spark.range(10).count())
for query in sys.argv[2:]:
    print([list(row) for row in spark.sql(query).collect()])
"""


def asked(url: str, *queries: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, url, *queries], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


def serving(containers: Containers, image: str, *arguments: str, ports=(15002,), **environment):
    return containers.made(
        image,
        *("connect", *arguments),
        environment={"SPARK_CONNECT_AUTHENTICATE_TOKEN": TOKEN, **environment},
        ports={f"{port}/tcp": ("127.0.0.1", None) for port in ports},
    )


def ready(container) -> int:
    port = published(container, 15002)
    readiness = ConnectReadiness(port, TOKEN)
    await_log(container, "Spark Connect server started")
    wait.poll(readiness.check, what="Connect to answer", timeout_s=60)
    return port


@pytest.mark.parametrize("version", engine_specs())
def test_connect_answers_who_has_the_token(containers, images, version):
    spec = engine_spec(version)
    with serving(containers, images(version)["spark-platform"].spec.exact) as container:
        port = ready(container)
        assert asked(connect_url(spec, port, TOKEN)) == [f"{spec.pyspark} 10"]
        with pytest.raises(wait.NotYet, match="UNAUTHENTICATED"):
            ConnectReadiness(port, "another").check()


@pytest.mark.parametrize("version", engine_specs())
def test_its_classes_come_from_the_archive(containers, images, version):
    image = images(version)["spark-platform"].spec.exact
    options = "-Xlog:class+load:file=/tmp/classes.log"
    with serving(containers, image, SPARK_LAUNCH_JAVA_OPTIONS=options) as container:
        ready(container)
        _, log = container.exec_run(["cat", "/tmp/classes.log"])
    spark = [line for line in log.decode().splitlines() if "] org.apache.spark." in line]
    mapped = [line for line in spark if "source: shared objects file" in line]
    read = [line for line in spark if "source: file:" in line]
    assert len(mapped) > 500
    assert len(mapped) > 10 * len(read), read[:20]


def test_what_a_repository_puts_into_its_folders_is_there(containers, platform):
    with containers.made(
        platform,
        "connect",
        environment={"SPARK_CONNECT_AUTHENTICATE_TOKEN": TOKEN},
        ports={"15002/tcp": ("127.0.0.1", None)},
        files={
            "/opt/platform/conf/spark-defaults.conf": b"spark.sql.shuffle.partitions 3\n",
            "/opt/platform/jars/some.jar": b"PK\5\6" + bytes(18),
        },
    ) as container:
        url = connect_url(engine_spec(), ready(container), TOKEN)
        assert asked(url, "SET spark.sql.shuffle.partitions")[1] == str(
            [["spark.sql.shuffle.partitions", "3"]]
        )


@pytest.mark.parametrize("version", engine_specs())
def test_the_development_flavour_has_tables_and_buckets(containers, images, version):
    image = images(version)["spark-platform-dev"].spec.exact
    with serving(containers, image, ports=(15002, 8080)) as container:
        ready(container)
        catalog = f"http://127.0.0.1:{published(container, 8080)}"
        iceberg = f"{catalog}/api/2.1/unity-catalog/iceberg/v1"

        def answers():
            try:
                with urllib.request.urlopen(f"{iceberg}/config?warehouse=unity", timeout=5):
                    return
            except OSError as error:
                raise wait.NotYet(str(error)) from error

        wait.poll(answers, what="the catalog to answer", timeout_s=60)
        # the image's own client: a newer one sends an older server no SQL that it understands
        url = connect_url(engine_spec(version), 15002, TOKEN)
        queries = (
            "CREATE SCHEMA unity.shop",
            "CREATE TABLE unity.shop.orders AS SELECT id, id * 10 AS amount FROM range(5)",
            "SELECT sum(amount) FROM unity.shop.orders",
        )
        code, printed = container.exec_run(["python3", "-c", CLIENT, url, *queries])
        assert (code, printed.decode().splitlines()[-1]) == (0, "[[100]]"), printed.decode()
        with urllib.request.urlopen(
            f"{iceberg}/catalogs/unity/namespaces/shop/tables", timeout=10
        ) as answer:
            assert [each["name"] for each in json.load(answer)["identifiers"]] == ["orders"]


def test_a_development_container_ends_with_its_services(containers, images):
    with serving(containers, images()["spark-platform-dev"].spec.exact) as container:
        ready(container)
        container.exec_run(["pkill", "-KILL", "weed"])
        container.wait(timeout=60)
        assert b"s3 exited with -9" in container.logs()
