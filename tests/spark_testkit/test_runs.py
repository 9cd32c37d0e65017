"""Manifests become runs on the stack's Kubernetes, by the command line as a user has it."""

import json
import os
import secrets
import subprocess
import sys
import time

import jwt
import pytest
import yaml
from kube_nodes import need_namespaces
from stacks import folders_of, processes_of

from spark_testkit.service import ServiceRequest
from spark_testkit.services import aws
from spark_testkit.settings import Settings
from spark_testkit.stack import Stack

NAME = f"runs-{secrets.token_hex(3)}"
BUCKET = "jobs"
TABLE_JOB = """
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
spark.sql("CREATE NAMESPACE IF NOT EXISTS unity.shop")
spark.range(int(sys.argv[1])).writeTo(f"unity.shop.{sys.argv[2]}").createOrReplace()
print("rows:", spark.table(f"unity.shop.{sys.argv[2]}").count(), flush=True)
"""
FAILING_JOB = "raise SystemExit('the data is not there')"
WAITING_JOB = "import time; print('waits', flush=True); time.sleep(600)"


class Site:
    """A stack with a Runner, and the command line pointed at it."""

    def __init__(self, settings, folder, exports):
        self.settings, self.folder, self.exports = settings, folder, exports

    def cli(self, *arguments, code=0, **environment):
        kept = {key: value for key, value in os.environ.items() if not key.startswith("SPARK_")}
        done = subprocess.run(
            [sys.executable, "-m", "spark_testkit.cli", *arguments],
            env={**kept, **self.settings.as_env(), **environment},
            capture_output=True, text=True, timeout=600,
        )  # fmt: skip
        assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
        return done

    def json(self, *arguments, code=0):
        return json.loads(self.cli(*arguments, "--name", NAME, "-o", "json", code=code).stdout)

    def manifest(self, script, *arguments, domain="travel"):
        file = self.folder / f"{script}-{secrets.token_hex(3)}.yaml"
        document = {
            "apiVersion": "dcp.pedregal/v1",
            "kind": "CoreETLJob",
            "metadata": {"name": "a-job", "domain": domain, "owner": "ana@example.com"},
            "spec": {
                "engine": {"version": "4.1"},
                "application": {
                    "language": "python",
                    "main": f"s3a://{BUCKET}/{script}.py",
                    "args": [str(each) for each in arguments],
                },
                "resources": {"executor": {"instances": 1}},
                "sparkConf": {
                    "spark.kubernetes.driver.request.cores": "0.1",
                    "spark.kubernetes.executor.request.cores": "0.1",
                },
            },
        }
        file.write_text(yaml.safe_dump(document))
        return str(file)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    need_namespaces()
    user = Settings.from_env(os.environ)
    settings = Settings(tmp_path_factory.mktemp("state"), user.cache_dir)
    with Stack(NAME, settings=settings) as stack:
        exports = {}
        for each in stack.up("runner").values():
            exports |= each
        store = aws.client("s3", exports)
        store.create_bucket(Bucket=BUCKET)
        for name, text in (("table", TABLE_JOB), ("fails", FAILING_JOB), ("waits", WAITING_JOB)):
            store.put_object(Bucket=BUCKET, Key=f"{name}.py", Body=text.encode())
        yield Site(settings, tmp_path_factory.mktemp("manifests"), exports)
    assert processes_of(settings) == []
    assert folders_of(settings) == []


def test_a_manifest_becomes_rows_of_a_table(site):
    manifest = site.manifest("table", 1000, "numbers")
    done = site.cli("submit", manifest, "--wait", "--name", NAME, "--token", "first", "-o", "json")
    run = json.loads(done.stdout)
    assert run["state"] == "SUCCEEDED"
    assert "is accepted: spark-platform:4.1-latest" in done.stderr
    assert "SUCCEEDED after" in done.stderr
    (attempt,) = run["attempts"]
    assert attempt["application"] == f"travel/{run['run_id']}-1"
    assert (attempt["state"], attempt["exit_code"]) == ("SUCCEEDED", 0)
    assert attempt["started_at"] < attempt["ended_at"]

    again = site.json("submit", manifest, "--token", "first")
    assert again["run_id"] == run["run_id"], "the same request is the same run"
    other = site.manifest("table", 1, "numbers")
    refused = site.json("submit", other, "--token", "first", code=1)
    assert refused["error"]["type"] == "Conflict"

    told = site.json("check", run["run_id"], "--domain", "travel", "--history")
    steps = [each["state"] for each in told["history"]["transitions"] if each["attempt"] == 0]
    assert (steps[0], steps[-1]) == ("ACCEPTED", "SUCCEEDED")
    assert told["history"]["decisions"][0]["why"] == "as the job asks"
    text = site.cli("check", run["run_id"], "--domain", "travel", "--history", "--name", NAME)
    assert "SUCCEEDED" in text.stdout
    logs = subprocess.run(
        ["kubectl", "-n", "travel", "logs", f"{run['run_id']}-1-0-driver"],
        env={**os.environ, "KUBECONFIG": site.exports["KUBECONFIG"]},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert "rows: 1000" in logs.stdout, logs.stderr


def test_a_job_that_fails_fails_its_command(site):
    run = site.json("submit", site.manifest("fails"), "--wait", code=1)
    assert run["state"] == "FAILED"
    assert [each["failure"] for each in run["attempts"]] == ["user"]
    assert run["attempts"][0]["exit_code"] == 1


def test_a_run_is_cancelled(site):
    run = site.json("submit", site.manifest("waits"))
    told = site.json("cancel", run["run_id"], "--domain", "travel", "--reason", "no need")
    assert told["cancel_reason"] == "no need"
    deadline = time.monotonic() + 60
    while (now := site.json("check", run["run_id"], "--domain", "travel"))["state"] != "CANCELLED":
        assert time.monotonic() < deadline, now
    assert now["reason"] == "no need"
    late = site.cli("cancel", run["run_id"], "--domain", "travel", "--name", NAME)
    assert "is CANCELLED" in late.stderr


def test_runs_of_another_domain_are_not_there(site):
    run = site.json("submit", site.manifest("fails"))
    refused = site.json("check", run["run_id"], "--domain", "bank", code=2)
    assert refused["error"] == {
        "type": "NotFound", "message": f"there is no run {run['run_id']}", "hint": "",
    }  # fmt: skip
    without = site.json("check", run["run_id"], code=2)
    assert "nobody says whose run it is" in without["error"]["message"]
    forged = site.cli(
        "check", run["run_id"], "--name", NAME, code=2, SPARK_TOKEN="a.b.c"
    )  # fmt: skip
    assert "the token is not valid" in forged.stderr
    assert "a.b.c" not in forged.stderr


def test_tokens_are_alone_on_stdout(site):
    done = site.cli("token", "--user", "ana", "--domain", "travel", "--ttl", "60", "--name", NAME)
    claims = jwt.decode(done.stdout.strip(), options={"verify_signature": False})
    assert (claims["sub"], claims["domain"], claims["exp"] - claims["iat"]) == ("ana", "travel", 60)
    assert done.stderr == ""
    refused = site.cli("token", "--user", "a b", "--domain", "x", "--name", NAME, code=2)
    assert "user is 'a b'" in refused.stderr


def test_a_manifest_that_is_wrong_is_told_and_nothing_is_run(site, tmp_path):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("apiVersion: dcp.pedregal/v1\nkind: CoreETLJob\nmetadata: {nme: x}\n")
    done = site.cli("submit", str(wrong), "--name", NAME, code=2)
    assert "nme" in done.stderr


def test_the_same_runs_over_grpc(site):
    import grpc

    from spark_platform.runner.grpc import runner_pb2
    from spark_platform.runner.grpc.runner_pb2_grpc import SparkRunnerStub

    run = site.json("submit", site.manifest("fails"))
    status = site.json("status")
    (runner,) = (each for each in status["services"] if each["name"] == "runner")
    token = site.cli("token", "--user", "ana", "--domain", "travel", "--name", NAME).stdout.strip()
    with grpc.insecure_channel(runner["detail"].removeprefix("gRPC at ")) as channel:
        found = SparkRunnerStub(channel).Check(
            runner_pb2.CheckRequest(run_id=run["run_id"]),
            metadata=[("authorization", f"Bearer {token}")],
            timeout=30,
        )
    assert (found.name, found.domain) == ("a-job", "travel")


def test_no_secret_of_the_stack_is_in_an_argv(site):
    import psutil

    secret = site.exports["SPARK_TOKEN_ISSUER_SECRET"]
    keys = (secret, site.exports["AWS_SECRET_ACCESS_KEY"])
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or ())
        assert not any(each in line for each in keys), line


def test_a_stack_without_a_runner_says_so(tmp_path):
    settings = Settings(tmp_path / "state", Settings.from_env(os.environ).cache_dir)
    site = Site(settings, tmp_path, {})
    with Stack(NAME, settings=settings) as stack:
        stack.up(ServiceRequest.of("token-issuer"))
        done = site.cli("check", "x", "--domain", "d", "--name", NAME, code=3)
        assert "runs no Runner" in done.stderr
