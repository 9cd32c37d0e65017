"""EMR as a service of a stack: jobs find the stack's buckets and tables by themselves."""

import contextlib
import dataclasses
import gzip
import json
import os
from pathlib import Path

import boto3
import pytest
from emr_jobs import RELEASE, ROLE, SERVERLESS_ENDS, TIMEOUT_S, written
from stacks import folders_of, processes_of

from spark_emulators.emr.settings import Settings as EmrSettings
from spark_platform.backends.emr.backend import Emr
from spark_platform.kernel.errors import InvalidInput
from spark_platform.kernel.wait import NotYet, poll
from spark_platform.model import JobSpec, RunState
from spark_testkit.engine import engine_spec
from spark_testkit.ports import free_ports
from spark_testkit.service import Place, PlanContext, ServiceRequest
from spark_testkit.services import aws, closure, emr, service
from spark_testkit.settings import Settings
from spark_testkit.stack import Stack

SECRETS = {"s3_access_key": "ACCESSKEY123", "s3_secret_key": "s3-secret-value"}
CONFIG = Path("/stack/services/emr/config.json")
BUCKET = "jobs"
TABLE_JOB = """
import sys

import boto3
from pyspark.sql import SparkSession

bucket, table = sys.argv[1:]
spark = SparkSession.builder.getOrCreate()
people = spark.read.csv(f"s3a://{bucket}/people.csv", header=True)
people.writeTo(f"unity.shop.{table}").append()
adults = spark.table(f"unity.shop.{table}").where("age >= 18")
adults.write.parquet(f"s3a://{bucket}/{table}")
print("adults:", spark.read.parquet(f"s3://{bucket}/{table}").count())
# a job's own clients, too
names = [each["Key"] for each in boto3.client("s3").list_objects_v2(Bucket=bucket)["Contents"]]
assert f"{table}/_SUCCESS" in names
"""
# runs until it is ended, with no Spark to wait for
WAITING_JOB = """
import os, sys, time

with open(sys.argv[1], "w") as file:
    file.write(f"{os.getpid()}\\n")
time.sleep(600)
"""


def planned(settings, *kinds, place=None, **options):
    """The spec of EMR in a stack of ``kinds``."""
    specs = {}
    for request in closure([*map(ServiceRequest.of, kinds), ServiceRequest.of("emr", **options)]):
        kind = service(request.kind)
        ports = dict.fromkeys(kind.ports, 8085)
        specs[request.name] = kind.plan(
            PlanContext(
                request=request,
                folder=Path("/stack/services") / request.name,
                stack_folder=Path("/stack"),
                ports=ports,
                published=ports,
                secrets=SECRETS,
                peers={each: specs[each] for each in (*kind.needs, *kind.wants) if each in specs},
                settings=settings,
                place=place or Place(),
            )
        )
    return specs["emr"]


def test_its_settings_are_the_emulators(settings):
    spec = planned(settings)
    configured = EmrSettings.model_validate_json(spec.files[CONFIG])
    assert configured.home_of("emr-7.9.0") is not None
    assert configured.temp_dir == CONFIG.parent / "jobs"
    assert spec.detail == f"Spark {engine_spec().pyspark}"


def test_its_jobs_know_the_stacks_spark_settings_and_no_key_is_among_them(settings):
    config = json.loads(planned(settings).files[CONFIG])
    defaults = config["spark_defaults"]
    assert defaults["spark.hadoop.fs.s3a.endpoint"] == "http://localhost:8085"
    assert defaults["spark.sql.catalog.unity.type"] == "rest"
    assert defaults["spark.eventLog.dir"] == "file:///stack/spark-events"
    assert not [each for each in SECRETS.values() if each in json.dumps(defaults)]
    assert config["environment"]["AWS_SECRET_ACCESS_KEY"] == SECRETS["s3_secret_key"]


def test_connectors_are_behind_sparks_own_jars(settings):
    config = json.loads(planned(settings).files[CONFIG])
    jars = [Path(each) for each in config["environment"]["SPARK_DIST_CLASSPATH"].split(os.pathsep)]
    assert [each for each in jars if each.name.startswith("iceberg-spark-runtime")]
    assert not [each for each in jars if each.is_relative_to(config["spark_home"])]


def test_an_event_log_can_be_left_out(settings):
    config = json.loads(planned(settings, event_log=False).files[CONFIG])
    assert config["spark_defaults"]["spark.eventLog.enabled"] == "false"


def test_boto3_finds_it_by_its_exports(settings):
    exports = planned(settings).exports
    assert exports == {
        "AWS_ENDPOINT_URL_EMR_SERVERLESS": "http://localhost:8085",
        "AWS_ENDPOINT_URL_EMR": "http://localhost:8085",
        "AWS_ACCESS_KEY_ID": SECRETS["s3_access_key"],
        "AWS_SECRET_ACCESS_KEY": SECRETS["s3_secret_key"],
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def test_it_is_no_container(settings):
    with pytest.raises(InvalidInput, match="emr cannot be a container") as refused:
        planned(settings, place=Place(listen="0.0.0.0", host="emr", container=True))
    assert "spark-testkit up emr" in refused.value.hint


def test_what_does_not_answer_is_not_ready(settings):
    address = f"http://127.0.0.1:{free_ports(1)[0]}"
    exports = {**planned(settings).exports, "AWS_ENDPOINT_URL_EMR_SERVERLESS": address}
    with pytest.raises(NotYet, match="Could not connect"):
        emr.EmrReadiness(exports).check()


@contextlib.contextmanager
def clients(*services):
    """Plain boto3's, as the environment has them."""
    with contextlib.ExitStack() as open_:
        yield [open_.enter_context(contextlib.closing(boto3.client(each))) for each in services]


def make_application(client):
    made = client.create_application(name="app", releaseLabel=RELEASE, type="SPARK")
    return made["applicationId"]


def start(client, application, script, *arguments):
    return client.start_job_run(
        applicationId=application,
        executionRoleArn=ROLE,
        jobDriver={"sparkSubmit": {"entryPoint": script, "entryPointArguments": list(arguments)}},
        configurationOverrides={
            "monitoringConfiguration": {
                "s3MonitoringConfiguration": {"logUri": f"s3://{BUCKET}/logs"}
            }
        },
    )["jobRunId"]


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """Of a stack with EMR, a schema, a program and data."""
    from pyiceberg.catalog import load_catalog
    from pyiceberg.schema import Schema
    from pyiceberg.types import NestedField, StringType

    settings = dataclasses.replace(
        Settings.from_env(os.environ), state_dir=tmp_path_factory.mktemp("state")
    )
    with Stack("emr", settings=settings) as stack:
        stack.up("emr")
        exports = stack.env()
        store = aws.client("s3", exports)
        store.create_bucket(Bucket=BUCKET)
        store.put_object(Bucket=BUCKET, Key="job.py", Body=TABLE_JOB.encode())
        people = b"name,age\nAda,36\nBob,3\nCyd,18\n"
        store.put_object(Bucket=BUCKET, Key="people.csv", Body=people)
        store.close()
        catalog = load_catalog("unity", uri=exports["ICEBERG_REST_URI"], warehouse="unity")
        catalog.create_namespace("shop")
        columns = enumerate(("name", "age"), 1)
        schema = Schema(*(NestedField(n, name, StringType()) for n, name in columns))
        for table in ("by_boto3", "by_backend"):
            catalog.create_table(f"shop.{table}", schema)
        yield exports
    assert processes_of(settings) == []


@pytest.fixture
def shell(exports, monkeypatch):
    """The environment after `eval "$(spark-testkit env)"`."""
    for name, value in exports.items():
        monkeypatch.setenv(name, value)


def test_boto3_runs_a_job_on_its_bucket_and_table(shell):
    with clients("emr-serverless", "s3") as (serverless, store):
        application = make_application(serverless)
        script = f"s3://{BUCKET}/job.py"
        run = start(serverless, application, script, BUCKET, "by_boto3")

        def ended():
            found = serverless.get_job_run(applicationId=application, jobRunId=run)["jobRun"]
            if found["state"] not in SERVERLESS_ENDS:
                raise NotYet(found["state"])
            return found

        found = poll(ended, what=run, timeout_s=TIMEOUT_S)
        assert found["state"] == "SUCCESS", found["stateDetails"]
        key = f"logs/applications/{application}/jobs/{run}/SPARK_DRIVER/stdout.gz"
        log = store.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        assert "adults: 2" in gzip.decompress(log).decode()


def test_the_platforms_backend_runs_a_job(shell):
    with clients("emr-serverless", "s3") as (serverless, store):
        application = make_application(serverless)
        backend = Emr(serverless, application, ROLE, log_uri=f"s3://{BUCKET}/logs", s3=store)
        job = JobSpec(
            name="job",
            image="none",
            spark_version=engine_spec().pyspark,
            main=f"s3://{BUCKET}/job.py",
            arguments=(BUCKET, "by_backend"),
        )
        backend.submit(job)

        def ended():
            found = backend.observe(job.name)
            if not found.state.ended:
                raise NotYet(found.state.value)
            return found

        found = poll(ended, what=job.name, timeout_s=TIMEOUT_S)
        assert found.state is RunState.SUCCEEDED, found
        assert "adults: 2" in backend.logs(job.name)


def test_a_cluster_is_at_the_same_address(shell):
    with clients("emr") as (on_ec2,):
        assert on_ec2.list_clusters()["Clusters"] == []


def test_a_job_ends_with_the_stack_and_tells_no_secret(settings, tmp_path):
    script, pid = tmp_path / "job.py", tmp_path / "pid"
    script.write_text(WAITING_JOB)
    stack = Stack("ends", settings=settings)
    exports = stack.up("emr")["emr"]
    with contextlib.closing(aws.client("emr-serverless", exports)) as serverless:
        start(serverless, make_application(serverless), str(script), str(pid))
    written(pid)
    secret = exports["AWS_SECRET_ACCESS_KEY"]
    running = processes_of(settings)
    assert [each for each in running if str(script) in each]
    assert not [each for each in running if secret in each]
    assert "RUNNING" in stack.log_file("emr").read_text()
    assert secret not in stack.log_file("emr").read_text()

    assert stack.down()
    assert processes_of(settings) == []
    assert folders_of(settings) == []
