"""What a container does with what it is told, seen from outside."""

import subprocess

import pytest
from containers import TOKEN, await_log

from requirements import need

DRIVER = ("driver", "--master", "local[1]", "--class", "org.apache.spark.deploy.PythonRunner")
APP = "/opt/spark/work-dir/app.py"
EXECUTOR = {
    "SPARK_DRIVER_URL": "spark://CoarseGrainedScheduler@127.0.0.1:1",
    "SPARK_EXECUTOR_ID": "7",
    "SPARK_EXECUTOR_CORES": "1",
    "SPARK_EXECUTOR_MEMORY": "512m",
    "SPARK_APPLICATION_ID": "spark-1",
    "SPARK_EXECUTOR_POD_IP": "127.0.0.1",
    "SPARK_EXECUTOR_POD_NAME": "pod-7",
    "SPARK_RESOURCE_PROFILE_ID": "0",
}


def test_process_one_is_tini_and_nobody_is_root(containers, platform):
    code, printed = containers.run(platform, "bash", "-c", "cat /proc/1/comm; id -u; whoami; pwd")
    assert (code, printed.split()) == (0, ["tini", "185", "spark", "/opt/spark/work-dir"])


def test_another_command_is_run_as_it_stands_and_its_exit_code_is_the_containers(
    containers, platform
):
    assert containers.run(platform, "bash", "-c", "echo $((6 * 7)); exit 9") == (9, "42\n")


def test_a_user_without_a_name_gets_one(containers, platform):
    script = "whoami; echo $HOME; touch here && python3 -c 'import pandas, pyarrow, pyspark, grpc'"
    code, printed = containers.run(platform, "bash", "-c", script, user="54321:0")
    assert (code, printed.split()) == (0, ["spark", "/opt/spark/work-dir"])


def test_without_a_command_it_says_what_there_is(containers, platform):
    code, printed = containers.run(platform)
    assert code == 2
    assert "driver, executor, connect, history" in printed


def test_a_drivers_exit_code_is_the_containers(containers, platform):
    app = b"""
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
print("sum:", spark.range(10).selectExpr("sum(id)").first()[0], spark.conf.get("spark.my.key"))
print("host:", spark.conf.get("spark.driver.bindAddress"))
sys.exit(3)
"""
    code, printed = containers.run(
        platform,
        *DRIVER,
        f"local://{APP}",
        files={
            APP: app,
            "/opt/platform/conf/spark-defaults.conf": b"spark.my.key platform's",
        },
        environment={"SPARK_DRIVER_BIND_ADDRESS": "127.0.0.1"},
        user="54321:0",
    )
    assert "sum: 45 platform's" in printed
    assert "host: 127.0.0.1" in printed
    assert code == 3


def test_a_jobs_own_properties_win_over_the_platforms(containers, platform):
    app = b"""
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
print([spark.conf.get(f"spark.my.{key}") for key in "abc"])
"""
    code, printed = containers.run(
        platform,
        *DRIVER,
        *("--properties-file", "/job.properties", "--conf", "spark.my.c=argument"),
        f"local://{APP}",
        files={
            APP: app,
            "/opt/platform/conf/spark-defaults.conf": b"spark.my.a=1\nspark.my.b=1\nspark.my.c=1",
            "/job.properties": b"spark.my.b=job\nspark.my.c=job\n",
        },
    )
    assert (code, "['1', 'job', 'argument']" in printed) == (0, True), printed[-2000:]


def test_an_executor_is_started_as_kubernetes_wants_it(containers, platform):
    options = {
        "SPARK_JAVA_OPT_0": "-Dspark.first=a b",
        "SPARK_JAVA_OPT_1": "-Dspark.network.timeout=5s",
        "SPARK_JAVA_OPT_10": "-XshowSettings:properties",
    }
    # its driver is not there, so it ends; what it was started with it prints before
    code, printed = containers.run(platform, "executor", environment={**EXECUTOR, **options})
    assert code == 1
    assert "spark.first = a b" in printed
    assert "127.0.0.1:1" in printed
    assert "jdk.internal" not in printed.partition("Exception")[0]


@pytest.mark.parametrize("missing", ["SPARK_DRIVER_URL", "SPARK_EXECUTOR_ID"])
def test_an_executor_says_which_variable_it_lacks(containers, platform, missing):
    environment = {name: value for name, value in EXECUTOR.items() if name != missing}
    code, printed = containers.run(platform, "executor", environment=environment)
    assert (code, missing in printed) == (2, True)


def test_init_scripts_run_first_in_order_and_may_export(containers, platform):
    code, printed = containers.run(
        platform,
        *("bash", "-c", "echo command $A"),
        files={
            "/opt/platform/init.d/20-b.sh": b"echo second $A $1",
            "/opt/platform/init.d/10-a.sh": b"echo first; export A=exported",
        },
    )
    assert (code, printed.splitlines()) == (
        0,
        ["first", "second exported bash", "command exported"],
    )


def test_an_init_script_that_fails_ends_the_container(containers, platform):
    script = {"/opt/platform/init.d/10-a.sh": b"echo why >&2; return 5"}
    code, printed = containers.run(platform, "bash", "-c", "echo never", files=script)
    assert code == 1
    assert "why" in printed
    assert "10-a.sh ended with 5" in printed
    assert "never" not in printed


def test_connect_wants_a_token(containers, platform):
    code, printed = containers.run(platform, "connect")
    assert code == 1
    assert "SPARK_CONNECT_AUTHENTICATE_TOKEN is not set" in printed
    code, printed = containers.run(platform, "connect", "--conf", "no")
    assert code == 2


def test_sigterm_ends_the_jvm_in_good_order(containers, platform):
    events = "/opt/spark/work-dir/events"
    conf = {"spark.eventLog.enabled": "true", "spark.eventLog.dir": f"file://{events}"}
    arguments = [part for pair in conf.items() for part in ("--conf", "=".join(pair))]
    with containers.made(
        platform,
        *("connect", *arguments),
        files={f"{events}/.keep": b""},
        environment={"SPARK_CONNECT_AUTHENTICATE_TOKEN": TOKEN},
        user="0",
    ) as container:
        await_log(container, "Spark Connect server started")
        container.stop(timeout=60)
        # 128 + SIGTERM; a JVM that had to be killed would leave 137
        assert container.wait()["StatusCode"] == 143
        names = subprocess.run(
            ["tar", "-t"],
            input=b"".join(container.get_archive(events)[0]),
            capture_output=True,
            check=True,
        ).stdout.decode()
    # Spark gives a log its final name when it closes it
    assert "local-" in names
    assert ".inprogress" not in names


def test_certificates_in_their_folder_are_trusted(containers, platform, tmp_path):
    openssl = subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=An authority of this test", "-keyout", "/dev/null"),
            *("-out", str(tmp_path / "ca.crt")),
        ],
        capture_output=True,
        timeout=60,
    )
    need("openssl", openssl.returncode == 0, "apt-get install openssl")
    files = {"/opt/certs/ours.crt": (tmp_path / "ca.crt").read_bytes()}
    script = (
        "keytool -list -keystore ${JAVA_TOOL_OPTIONS##*=} -storepass changeit -alias ours.crt; "
        'python3 -c "import ssl; print([c for c in ssl.create_default_context().get_ca_certs()'
        " if 'An authority of this test' in str(c)] != [])\""
    )
    code, printed = containers.run(platform, "bash", "-c", script, files=files)
    assert (code, "trustedCertEntry" in printed, "True" in printed) == (0, True, True), printed
    code, printed = containers.run(platform, "true", files={"/opt/certs/bad.crt": b"no"})
    assert (code, "bad.crt is not a certificate" in printed) == (2, True)


def test_the_history_server_answers(containers, platform):
    with containers.made(platform, "history") as container:
        await_log(container, "Bound HistoryServer")
        script = (
            "import urllib.request as u; "
            "print(u.urlopen('http://localhost:18080/api/v1/version').read())"
        )
        code, printed = container.exec_run(["python3", "-c", script])
        assert (code, b'"spark"' in printed) == (0, True), printed
