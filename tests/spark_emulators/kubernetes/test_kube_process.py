"""The server as a process: its kubeconfig, its data, its end."""

import os
import signal
import ssl
import subprocess
import sys

import httpx
import pytest
import yaml
from kube_api import Api, config_map

from spark_emulators.kubernetes.certificates import Authority
from spark_emulators.kubernetes.server import ApiServer
from spark_emulators.kubernetes.settings import Settings
from spark_platform.kernel.errors import Missing
from spark_platform.kernel.wait import NotYet, poll


def start(*arguments):
    command = [sys.executable, "-m", "spark_emulators.kubernetes", "--port", "0", *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def until_written(path, process):
    def check():
        assert process.poll() is None, process.stderr.read()
        if not path.exists():
            raise NotYet("it is not there")

    poll(check, what=str(path), timeout_s=30)


def test_a_restart_keeps_objects_versions_and_tokens(tmp_path):
    data, file = tmp_path / "data", tmp_path / "data" / "kubeconfig"
    seen = []
    for _ in range(2):
        process = start("--data", str(data), "--name", "mine")
        try:
            until_written(file, process)
            assert file.stat().st_mode & 0o777 == 0o600
            api = Api(file, "default")
            if not seen:
                api.create("configmaps", config_map(data={"a": "1"}))
                path = api.path("serviceaccounts", "default", "token")
                seen.append(api.http.post(path, json={}).json()["status"]["token"])
            assert api.http.get(api.path("configmaps", "c")).json()["data"] == {"a": "1"}
            seen.append(api.http.get("/api/v1/configmaps").json()["metadata"]["resourceVersion"])
            with api.client({"Authorization": f"Bearer {seen[0]}"}) as robot:
                assert robot.get("/api").status_code == 200
            api.close()
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
            process.stderr.close()
        file.unlink()
    assert seen[1] == seen[2]


def test_a_taken_port(tmp_path):
    with ApiServer(Settings(port=0)) as server:
        port = int(server.url.rpartition(":")[2])
        process = start("--port", str(port))
        _, errors = process.communicate(timeout=30)
    assert process.returncode == Missing.exit_code
    assert "cannot listen on 127.0.0.1" in errors


def test_two_clusters_in_one_process_know_nothing_of_each_other(tmp_path):
    files = [tmp_path / "one", tmp_path / "two"]
    with (
        ApiServer(Settings(port=0, kubeconfig=files[0])),
        ApiServer(Settings(port=0, kubeconfig=files[1])),
    ):
        one, two = (Api(each, "default") for each in files)
        one.create("configmaps", config_map())
        assert two.http.get(two.path("configmaps", "c")).status_code == 404
        assert (
            two.http.get("/api", headers={"Authorization": f"Bearer {one.token}"}).status_code
            == 401
        )
        one.close(), two.close()


def test_a_client_certificate_is_its_holder(tmp_path):
    settings = Settings(port=0, data=tmp_path / "data")
    with ApiServer(settings) as server:
        pair = Authority(tmp_path / "data" / "pki").client("jane", ("system:masters",))
        files = tmp_path / "jane.crt", tmp_path / "jane.key"
        for file, content in zip(files, (pair.certificate, pair.key), strict=True):
            file.write_bytes(content)
        context = ssl.create_default_context(cadata=server.ca)
        context.load_cert_chain(*map(str, files))
        with httpx.Client(base_url=server.url, verify=context) as client:
            path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
            user = client.post(path, json={}).json()["status"]["userInfo"]
            assert user["username"] == "jane"
            assert set(user["groups"]) == {"system:masters", "system:authenticated"}


def test_the_domain_is_reached_on_its_loop():
    with ApiServer(Settings(port=0)) as server:
        found = server.call(lambda cluster: cluster.get("v1", "Namespace", "", "default"))
        assert found["status"]["phase"] == "Active"


def test_a_kubeconfig_names_its_cluster(tmp_path):
    file = tmp_path / "kubeconfig"
    with ApiServer(Settings(port=0, name="mine", kubeconfig=file)):
        loaded = yaml.safe_load(file.read_text())
    assert loaded["current-context"] == "mine"
    assert os.stat(file).st_mode & 0o777 == 0o600


@pytest.mark.parametrize("rbac", [True, False])
def test_roles_can_be_left_out(rbac):
    with ApiServer(Settings(port=0, rbac=rbac)) as server:
        context = ssl.create_default_context(cadata=server.ca)
        with httpx.Client(base_url=server.url, verify=context) as client:
            assert client.get("/api/v1/pods").status_code == (403 if rbac else 200)
