"""The platform's servers as objects of a cluster: what is wired to what, and where secrets go."""

import json

import pytest
import yaml

from spark_testkit.clusters.platform import objects
from spark_testkit.clusters.platform.installing import waits_for
from spark_testkit.clusters.platform.servers import NODE_PORTS, Wiring

DOORS = {purpose: 41000 + number for number, purpose in enumerate(NODE_PORTS)}
KEYS = {"access": "ACCESSKEY123", "secret": "s3-secret-value", "issuer": "issuer-secret-value"}
TLS = {"authority.pem": "AUTHORITY", "certificate.pem": "CERTIFICATE", "key.pem": "PRIVATE"}


@pytest.fixture
def wiring():
    return Wiring("platform", DOORS, KEYS, TLS, warm={"travel": 1})


@pytest.fixture
def servers(wiring):
    return {each.name: each for each in wiring.servers()}


@pytest.fixture
def made(servers):
    return {
        (each["kind"], each["metadata"]["name"]): each
        for server in servers.values()
        for each in objects.objects(server, "platform")
    }


def pod(made, name):
    return made["Deployment", name]["spec"]["template"]["spec"]


def config(servers, name, file="config.json"):
    return json.loads(servers[name].files[file])


def test_secrets_are_in_secrets_only(made):
    for (kind, _), each in made.items():
        if kind != "Secret":
            assert not [key for key in (*KEYS.values(), "PRIVATE") if key in json.dumps(each)]


def test_a_catalog_that_asks_is_told_to_everyone_who_needs_it():
    token = "catalog-token-of-32-characters-at-least"
    wiring = Wiring(
        "platform", DOORS, {**KEYS, "catalog": token}, TLS, warm={"travel": 1}, lineage=True
    )
    servers = {each.name: each for each in wiring.servers()}
    assert config(servers, "catalog")["authorization"] == {"admin_token": token}
    # a kubelet has no token
    assert servers["catalog"].ready == "/healthz"
    assert wiring.exports()["UNITY_CATALOG_TOKEN"] == token
    assert token in servers["gateway"].files["namespace.yaml"]
    pool = config(servers, "gateway")["connect"]["pools"]["travel"]
    for given in (pool, config(servers, "runner")["sk8"]):
        assert given["secrets"]["UNITY_CATALOG_TOKEN"] == "catalog:token"
        assert given["conf"]["spark.sql.catalog.unity.token"] == "env:UNITY_CATALOG_TOKEN"
        assert "spark.extraListeners" in given["conf"]
        assert token not in json.dumps(given)


def test_each_service_leads_to_its_pod_and_is_published_where_clients_are(made, servers):
    published = {}
    for name, server in servers.items():
        service = made["Service", name]["spec"]
        labels = made["Deployment", name]["spec"]["template"]["metadata"]["labels"]
        assert service["selector"] == labels
        assert {each["port"] for each in service["ports"]} == set(server.ports.values())
        published |= {
            each["name"]: each["nodePort"] for each in service["ports"] if "nodePort" in each
        }
    assert published == NODE_PORTS


def test_pods_and_this_machine_see_s3_under_different_names(servers, wiring):
    catalog = config(servers, "catalog")
    inside, outside = "http://minio.platform.svc:9000", f"http://localhost:{DOORS['s3']}"
    assert catalog["file_io"]["s3.endpoint"] == inside
    assert catalog["client_properties"]["s3.endpoint"] == outside
    assert wiring.exports()["AWS_ENDPOINT_URL_S3"] == outside
    for conf in (
        config(servers, "runner")["sk8"]["conf"],
        config(servers, "gateway")["connect"]["pools"]["travel"]["conf"],
    ):
        assert conf["spark.sql.catalog.unity.s3.endpoint"] == inside
        assert conf["spark.hadoop.fs.s3a.endpoint"] == inside


def test_the_runner_is_who_its_service_account_says(made, servers):
    gateway = config(servers, "gateway")
    [caller] = config(servers, "gateway", "policy.json")["domains"]["default"]["callers"]
    account = pod(made, "runner")["serviceAccountName"]
    assert (caller["namespace"], caller["serviceAccount"]) == ("platform", account)
    assert caller["cluster"] in gateway["clusters"]
    way = yaml.safe_load(servers["runner"].files["kubeconfig"])
    assert way["users"][0]["user"] == {"tokenFile": objects.TOKEN}
    [token] = [each for each in pod(made, "runner")["volumes"] if each["name"] == "token"]
    [source] = token["projected"]["sources"]
    assert source["serviceAccountToken"]["audience"] == gateway["issuer"]["audience"]


def test_the_gateway_alone_may_ask_the_clusters_api(made, servers):
    assert [name for name in servers if pod(made, name)["automountServiceAccountToken"]] == [
        "gateway"
    ]
    assert config(servers, "gateway")["clusters"]["local"]["kubeconfig"] is None


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ({}, "it does not answer yet"),
        (
            {"conditions": [{"type": "PodScheduled", "status": "False", "message": "no node"}]},
            "no node",
        ),
        (
            {"containerStatuses": [{"state": {"waiting": {"reason": "ErrImageNeverPull"}}}]},
            "ErrImageNeverPull: no more is said",
        ),
        (
            {"containerStatuses": [{"state": {"terminated": {"exitCode": 2}}}]},
            "its container ended with 2",
        ),
    ],
)
def test_why_a_server_is_waited_for_is_told(status, told):
    assert waits_for([{"status": status}]) == told
