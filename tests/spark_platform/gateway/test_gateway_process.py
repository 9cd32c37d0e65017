"""The gateway as a process, with tokens of an issuer."""

import contextlib
import json
import ssl

import emr_jobs
import httpx
import pytest
from emulator_servers import Server
from gateways import application, status
from issuers import issuing

from spark_emulators.kubernetes.certificates import Authority
from spark_emulators.kubernetes.server import ApiServer
from spark_emulators.kubernetes.settings import Settings as ClusterSettings
from spark_emulators.spark_operator.resources.definitions import install
from spark_platform.backends.sk8.backend import APPLICATIONS
from spark_platform.kernel.database import sqlite_url
from spark_platform.kernel.kubernetes.client import connect
from spark_platform.kernel.kubernetes.resources import Resource
from spark_platform.kernel.wait import NotYet, poll

ENDED = status("Succeeded", "ResourceReleased")
PLACE = "/apis/spark.apache.org/v1/namespaces/default/sparkapplications"


@pytest.fixture
def issuer(tmp_path):
    with issuing(tmp_path) as issuer:
        yield issuer


def test_it_serves_with_tls_whom_the_issuer_knows(issuer, tmp_path):
    kubeconfig, policy = tmp_path / "kubeconfig", tmp_path / "policy.yaml"
    callers = "[{cluster: east, namespace: default, serviceAccount: robot, user: robot}]"
    policy.write_text(f"domains: {{travel: {{namespace: default, callers: {callers}}}}}")
    authority = Authority(tmp_path / "pki")
    certificate, key = authority.server(("127.0.0.1",))
    config = tmp_path / "gateway.json"
    config.write_text(json.dumps({
        "port": 0, "certificate": str(certificate), "key": str(key), "policy": str(policy),
        "database": sqlite_url(tmp_path / "gateway.sqlite"),
        "clusters": {"east": {"kubeconfig": str(kubeconfig), "region": "eu"}},
        "archive": {"ttl_s": 0, "sweep_every_s": 0.05},
        "issuer": issuer.settings,
    }))  # fmt: skip
    with ApiServer(ClusterSettings(port=0, kubeconfig=kubeconfig)):
        with contextlib.closing(connect(kubeconfig)) as kubernetes:
            install(kubernetes)
        server = Server("spark_platform.gateway", config)
        context = ssl.create_default_context(cadata=authority.pem.decode())
        with httpx.Client(base_url=server.url, verify=context, trust_env=False) as client:
            for domain, code in (("travel", 200), ("bank", 403)):
                token = issuer.token(domain=domain)
                answer = client.get(PLACE, headers={"Authorization": f"Bearer {token}"})
                assert answer.status_code == code, answer.text
            assert client.get(PLACE).status_code == 401
            assert client.get("/healthz").text == "ok"
            header = {"Authorization": f"Bearer {issuer.token()}"}
            assert client.post(PLACE, json=application("a"), headers=header).status_code == 201
            with contextlib.closing(connect(kubeconfig)) as kubernetes:
                made = {**kubernetes.get(APPLICATIONS, "default", "a"), "status": ENDED}
                kubernetes.replace(APPLICATIONS, made, "status")
                robot = token_of(kubernetes)

            # as which a pod on that cluster would ask
            header = {"Authorization": f"Bearer {robot}"}

            def archived():
                found = client.get(f"{PLACE}/a", headers=header).json()
                if "spark-platform/archived" not in found["metadata"]["annotations"]:
                    raise NotYet("it is on its cluster")

            poll(archived, what="the sweep", timeout_s=30)
        assert server.stop() == 0
        for secret in (token, robot):
            assert secret not in "".join(server.log)


def test_a_backend_of_the_settings(issuer, tmp_path, monkeypatch):
    """The whole way to EMR and back, with none but AWS's own variables; no cluster beside it."""
    emulated = tmp_path / "emr.json"
    emulated.write_text(json.dumps({
        "port": 0, "spark_home": str(emr_jobs.fake_spark(tmp_path / "spark")),
        "temp_dir": str(tmp_path / "jobs"), "state_pause_s": 0.05,
    }))  # fmt: skip
    emr = Server("spark_emulators.emr", emulated)
    aws = emr_jobs.client("emr-serverless", emr.url)
    made = aws.create_application(name="a", releaseLabel=emr_jobs.RELEASE, type="SPARK")
    for name, value in (
        ("AWS_ENDPOINT_URL_EMR_SERVERLESS", emr.url),
        ("AWS_ACCESS_KEY_ID", "any"),
        ("AWS_SECRET_ACCESS_KEY", "any"),
    ):
        monkeypatch.setenv(name, value)
    policy, config = tmp_path / "policy.yaml", tmp_path / "gateway.json"
    policy.write_text("domains: {travel: {namespace: default, clusters: [emr-1]}}")
    backend = {
        "kind": "emr", "application": made["applicationId"], "role": emr_jobs.ROLE,
        "aws_region": "eu-central-1", "looks_every_s": 0.05,
    }  # fmt: skip
    config.write_text(json.dumps({
        "port": 0, "policy": str(policy), "database": sqlite_url(tmp_path / "gateway.sqlite"),
        "clusters": {"emr-1": {"backend": backend}},
        "archive": {"ttl_s": 0, "sweep_every_s": 0.05},
        "issuer": issuer.settings,
    }))  # fmt: skip
    server = Server("spark_platform.gateway", config)
    header = {"Authorization": f"Bearer {issuer.token()}"}
    with httpx.Client(base_url=server.url, headers=header, trust_env=False) as client:
        job = application("a")
        job["spec"]["pyFiles"] = "/succeed"
        answer = client.post(PLACE, json=job)
        assert answer.status_code == 201, answer.text

        def archived():
            found = client.get(f"{PLACE}/a").json()
            if "spark-platform/archived" not in found["metadata"]["annotations"]:
                raise NotYet(str(found.get("status")))
            return found

        found = poll(archived, what="the job's end, and the sweep", timeout_s=60)
        history = found["status"]["stateTransitionHistory"].values()
        assert "Succeeded" in [each["currentStateSummary"] for each in history]
        assert client.get("/version").status_code == 503, "there is no Kubernetes to ask"
    assert server.stop() == 0
    aws.close()
    emr.stop()


def token_of(kubernetes):
    account = {"metadata": {"name": "robot"}}
    kubernetes.create(Resource("v1", "serviceaccounts"), "default", account)
    requests = Resource("v1", "serviceaccounts/robot/token")
    asked = {"spec": {"audiences": ["spark-platform"]}}
    return kubernetes.create(requests, "default", asked)["status"]["token"]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"clusters": {}}, "clusters: Dictionary should have at least 1 item"),
        ({"clusters": {"a": {"weight": -1}}}, r"clusters.a.weight"),
        (
            {"clusters": {"a": {"backend": {"kind": "emr", "role": "r"}}}},
            "clusters.a.backend.emr.application: Field required",
        ),
        ({"clusters": {"a": {"backend": {"kind": "mainframe"}}}}, "'emr', 'docker'"),
        (
            {"clusters": {"a": {"kubeconfig": "/k", "backend": {"kind": "docker"}}}},
            "are for a Kubernetes alone",
        ),
        ({"policy": "/none"}, "cannot read /none"),
        ({"more": 1}, "more: Extra inputs are not permitted"),
    ],
)
def test_settings_that_cannot_be(tmp_path, change, match, capsys):
    from spark_platform.gateway.server import main

    policy, config = tmp_path / "policy.yaml", tmp_path / "gateway.json"
    policy.write_text("domains: {travel: {namespace: default}}")
    plain = {
        "port": 0, "database": sqlite_url(tmp_path / "g.sqlite"), "policy": str(policy),
        "clusters": {"a": {}}, "issuer": {"issuer": "i", "audience": "a", "jwks_url": "j"},
    }  # fmt: skip
    config.write_text(json.dumps(plain | change))
    assert main(["--config", str(config)]) == 2
    assert match in capsys.readouterr().err
