"""The gateway as a process, with tokens of an issuer."""

import contextlib
import json
import ssl

import httpx
import pytest
from emulator_servers import Server

from spark_emulators.kubernetes.certificates import Authority
from spark_emulators.kubernetes.server import ApiServer
from spark_emulators.kubernetes.settings import Settings as ClusterSettings
from spark_emulators.spark_operator.resources.definitions import install
from spark_platform.kernel.database import sqlite_url
from spark_platform.kernel.kubernetes.client import connect
from spark_testkit.ports import free_ports
from spark_testkit.tokens import issued

SECRET = "issuers"
PLACE = "/apis/spark.apache.org/v1/namespaces/default/sparkapplications"


@pytest.fixture
def issuer(tmp_path):
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    config = tmp_path / "issuer.json"
    config.write_text(json.dumps({
        "port": port, "issuer": url, "key_file": str(tmp_path / "key.pem"),
        "client_secret": SECRET,
    }))  # fmt: skip
    server = Server("spark_emulators.token_issuer", config)
    yield url
    server.stop()


def test_it_serves_with_tls_whom_the_issuer_knows(issuer, tmp_path):
    kubeconfig, policy = tmp_path / "kubeconfig", tmp_path / "policy.yaml"
    policy.write_text("domains: {travel: {namespace: default}}")
    authority = Authority(tmp_path / "pki")
    certificate, key = authority.server(("127.0.0.1",))
    config = tmp_path / "gateway.json"
    config.write_text(json.dumps({
        "port": 0, "certificate": str(certificate), "key": str(key), "policy": str(policy),
        "database": sqlite_url(tmp_path / "gateway.sqlite"),
        "clusters": {"east": {"kubeconfig": str(kubeconfig), "region": "eu"}},
        "issuer": {
            "issuer": issuer, "audience": "spark-platform", "jwks_url": f"{issuer}/jwks.json"
        },
    }))  # fmt: skip
    exports = {"SPARK_TOKEN_ISSUER_URL": issuer, "SPARK_TOKEN_ISSUER_SECRET": SECRET}
    with ApiServer(ClusterSettings(port=0, kubeconfig=kubeconfig)):
        with contextlib.closing(connect(kubeconfig)) as kubernetes:
            install(kubernetes)
        server = Server("spark_platform.gateway", config)
        context = ssl.create_default_context(cadata=authority.pem.decode())
        with httpx.Client(base_url=server.url, verify=context, trust_env=False) as client:
            for domain, code in (("travel", 200), ("bank", 403)):
                token = issued(exports, "ana", domain, 60)
                answer = client.get(PLACE, headers={"Authorization": f"Bearer {token}"})
                assert answer.status_code == code, answer.text
            assert client.get(PLACE).status_code == 401
            assert client.get("/healthz").text == "ok"
        assert server.stop() == 0
        assert token not in "".join(server.log)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"clusters": {}}, "clusters: Dictionary should have at least 1 item"),
        ({"clusters": {"a": {"weight": -1}}}, r"clusters.a.weight"),
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
