"""What services plan, as data: who needs whom, what is wired to what, where secrets go."""

import os
from pathlib import Path

import pytest

from spark_platform.kernel.errors import InvalidInput, Missing
from spark_testkit.cli.stacks import requests_for
from spark_testkit.programs import FAKE_GCS_SERVER
from spark_testkit.service import PlanContext, ServiceRequest
from spark_testkit.services import DEFAULT_SERVICES, SERVICES, closure, guarded, s3, service
from spark_testkit.services.lineage import TELLING
from spark_testkit.services.spark_connect import ConnectReadiness
from spark_testkit.settings import Settings

SECRETS = {
    "s3_access_key": "ACCESSKEY123",
    "s3_secret_key": "s3-secret-value",
    "connect_token": "connect-token-value",
    "token_issuer": "token-issuer-secret",
    "catalog_token": "catalog-token-value",
}


@pytest.fixture
def settings(tmp_path, monkeypatch):
    # a plan names its program, and runs it not
    program = tmp_path / "bin" / FAKE_GCS_SERVER.name
    program.parent.mkdir()
    program.touch(0o700)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    return Settings(tmp_path / "state", Settings.from_env(os.environ).cache_dir)


@pytest.fixture
def planned(settings):
    """Specs of a whole stack, planned and not started."""

    def plan(*requests, **options):
        specs = {}
        for request in closure(requests or [ServiceRequest.of(kind) for kind in SERVICES]):
            kind = service(request.kind)
            specs[request.name] = kind.plan(
                PlanContext(
                    request=request,
                    folder=Path("/stack/services") / request.name,
                    stack_folder=Path("/stack"),
                    ports={
                        purpose: port or 40000 + number
                        for number, (purpose, port) in enumerate(kind.ports.items())
                    },
                    secrets=SECRETS,
                    peers={
                        peer: specs[peer] for peer in (*kind.needs, *kind.wants) if peer in specs
                    },
                    settings=settings,
                )
            )
        return specs

    return plan


def names(*requests):
    return [request.name for request in closure(requests)]


def test_a_service_brings_what_it_needs_before_itself():
    assert names(ServiceRequest.of("spark-connect")) == ["s3", "unity-catalog", "spark-connect"]
    assert names(ServiceRequest.of("s3")) == ["s3"]


def test_a_request_replaces_the_need_of_the_same_name():
    mine = ServiceRequest("s3", "s3", {"server": "seaweedfs"})
    assert closure([ServiceRequest.of("unity-catalog"), mine])[0] is mine


def test_a_second_instance_stands_beside_the_first():
    second = ServiceRequest("spark-connect", "spark-connect-2")
    wanted = names(second, ServiceRequest.of("spark-connect"))
    assert wanted == ["s3", "unity-catalog", "spark-connect", "spark-connect-2"]


def test_every_need_is_a_service_and_comes_earlier():
    order = list(SERVICES)
    for kind in SERVICES.values():
        assert all(order.index(need) < order.index(kind.kind) for need in kind.needs)


def test_what_few_need_runs_on_request_only():
    assert set(SERVICES) - set(DEFAULT_SERVICES) == {
        *("emr", "gateway", "gcs", "kafka", "kubernetes", "runner"),
        *("spark-operator", "token-issuer"),
    }


@pytest.mark.parametrize("kind", ["spark-connect", "emr"])
def test_spark_is_wired_to_a_google_store_where_there_is_one(planned, kind):
    store, spark = ServiceRequest.of("gcs"), ServiceRequest.of(kind)
    with_it, without = planned(store, spark), planned(spark)
    url = with_it["gcs"].exports["STORAGE_EMULATOR_HOST"]
    assert f"{url}/" in "".join(with_it[kind].files.values())
    assert "fs.gs." not in "".join(without[kind].files.values())


@pytest.mark.parametrize("kind", TELLING)
def test_spark_tells_the_catalog_what_comes_from_what_when_asked_to(planned, kind):
    listener = "io.openlineage.spark.agent.OpenLineageSparkListener"
    told, silent = planned(ServiceRequest.of(kind, lineage=True)), planned(ServiceRequest.of(kind))
    written = "".join(told[kind].files.values())
    assert listener in written
    assert told["unity-catalog"].for_peers()["UNITY_CATALOG_URI"] in written
    assert listener not in "".join(silent[kind].files.values())


def test_up_asks_those_for_lineage_that_run_spark():
    requests = requests_for(["s3", "spark-connect", "runner"], None, lineage=True)
    asked = {request.kind for request in requests if request.options.get("lineage")}
    assert asked == {"spark-connect", "runner"}


@pytest.mark.parametrize("kind", TELLING)
def test_spark_says_who_it_is_where_the_catalog_asks(planned, kind):
    asked = planned(*guarded([ServiceRequest.of(kind, lineage=True)]))
    open_to_all = planned(ServiceRequest.of(kind, lineage=True))
    token = "spark.sql.catalog.unity.token"
    told = "".join(asked[kind].files.values())
    assert token in told
    assert "env:UNITY_CATALOG_TOKEN" in told
    assert token not in "".join(open_to_all[kind].files.values())


def test_up_asks_the_catalog_to_ask_also_where_it_is_only_needed():
    requests = requests_for(["spark-connect"], None, auth=True)
    assert [(each.kind, dict(each.options)) for each in requests] == [
        ("spark-connect", {}),
        ("unity-catalog", {"auth": True}),
    ]
    assert [each.kind for each in requests_for(["s3"], None, auth=True)] == ["s3"]


def test_no_secret_is_in_any_argv_or_endpoint(planned):
    for spec in planned(*guarded(ServiceRequest.of(kind) for kind in SERVICES)).values():
        for secret in SECRETS.values():
            assert secret not in " ".join(spec.argv)
            assert secret not in spec.endpoint


def test_sparks_configuration_names_no_secret(planned):
    spec = planned(*guarded([ServiceRequest.of("spark-connect")]))["spark-connect"]
    written = "".join(spec.files.values())
    assert "spark.sql.catalog.unity" in written
    assert not [secret for secret in SECRETS.values() if secret in written]
    assert spec.environment["AWS_SECRET_ACCESS_KEY"] == SECRETS["s3_secret_key"]


def test_the_exports_are_those_clients_know(planned):
    exported = {key for spec in planned().values() for key in spec.exports}
    assert exported == {
        *("AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID"),
        *("AWS_SECRET_ACCESS_KEY", "AWS_REGION"),
        *("UNITY_CATALOG_URI", "ICEBERG_REST_URI", "SPARK_HISTORY_URL", "SPARK_REMOTE"),
        *("KAFKA_BOOTSTRAP_SERVERS", "SPARK_KAFKA_BOOTSTRAP_SERVERS"),
        *("STORAGE_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT"),
        *("AWS_ENDPOINT_URL_EMR_SERVERLESS", "AWS_ENDPOINT_URL_EMR", "AWS_DEFAULT_REGION"),
        *("KUBECONFIG", "SPARK_RUNNER_URL"),
        *("SPARK_GATEWAY_URL", "SPARK_GATEWAY_KUBECONFIG", "SPARK_GATEWAY_CA"),
        *("SPARK_GATEWAY_CONNECT", "SPARK_GATEWAY_CONNECT_TLS"),
        *("SPARK_TOKEN_ISSUER_URL", "SPARK_TOKEN_ISSUER_SECRET"),
    }


def test_a_users_configuration_wins(planned):
    mine = {"spark.sql.shuffle.partitions": 7, "spark.driver.host": "127.0.0.9"}
    spec = planned(ServiceRequest.of("spark-connect", conf=mine))["spark-connect"]
    arguments = spec.files[Path("/stack/services/spark-connect/java.args")]
    assert '"-Dspark.sql.shuffle.partitions=7"' in arguments
    assert '"-Dspark.driver.host=127.0.0.9"' in arguments
    assert "partitions=2" not in arguments


def test_a_key_that_is_not_sparks_is_refused(planned):
    with pytest.raises(InvalidInput, match=r"must start with `spark\.`"):
        planned(ServiceRequest.of("spark-connect", conf={"fs.s3a.endpoint": "x"}))


def test_history_reads_what_connect_writes(planned):
    specs = planned()
    connect = "".join(specs["spark-connect"].files.values())
    history = "".join(specs["history-server"].files.values())
    assert "-Dspark.eventLog.dir=file:///stack/spark-events" in connect
    assert "-Dspark.history.fs.logDirectory=file:///stack/spark-events" in history


def test_an_event_log_can_be_left_out(planned):
    spec = planned(ServiceRequest.of("spark-connect", event_log=False))["spark-connect"]
    assert "-Dspark.eventLog.enabled=false" in "".join(spec.files.values())


def test_an_s3_server_that_is_not_known_or_not_there(settings, tmp_path, monkeypatch):
    with pytest.raises(InvalidInput, match="s3 server 'ceph' is not known"):
        s3.find_server(settings, "ceph")
    monkeypatch.setenv("PATH", str(tmp_path))
    bare = Settings(tmp_path, tmp_path)
    with pytest.raises(Missing, match="no S3 server found"):
        s3.find_server(bare, "minio")
    assert s3.find_server(bare)[0] == "seaweedfs"


def test_minio_is_preferred_where_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    minio = tmp_path / "bin" / "minio"
    minio.parent.mkdir()
    minio.touch(mode=0o755)
    assert s3.find_server(Settings(tmp_path, tmp_path)) == ("minio", minio)
    forced = Settings(tmp_path, tmp_path, "seaweedfs")
    assert s3.find_server(forced)[0] == "seaweedfs"


def test_nothing_listens_is_not_ready():
    from spark_platform.kernel.wait import NotYet
    from spark_testkit.ports import free_ports

    with pytest.raises(NotYet, match="UNAVAILABLE"):
        ConnectReadiness(free_ports(1)[0], "token").check()
