"""The images that hold no Spark."""

import json
import secrets

import pytest
from botocore.exceptions import ClientError
from containers import published

from requirements import need
from spark_platform.kernel import wait
from spark_testkit.engine.lockfile import read_kafka_lock
from spark_testkit.services.s3 import S3Readiness, client


def test_minio_stores_for_who_has_the_keys(images, containers):
    need("minio", "minio" in images(), "`make minio`")
    keys = {
        "AWS_ACCESS_KEY_ID": secrets.token_hex(8),
        "AWS_SECRET_ACCESS_KEY": secrets.token_hex(16),
        "AWS_REGION": "us-east-1",
    }
    with containers.made(
        images()["minio"].spec.exact,
        environment={
            "MINIO_ROOT_USER": keys["AWS_ACCESS_KEY_ID"],
            "MINIO_ROOT_PASSWORD": keys["AWS_SECRET_ACCESS_KEY"],
        },
        ports={"9000/tcp": ("127.0.0.1", None)},
    ) as container:
        exports = {**keys, "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{published(container, 9000)}"}
        readiness = S3Readiness(exports, "shop")
        wait.poll(readiness.check, what="MinIO to store", timeout_s=60)
        code, who = container.exec_run(["id", "-u"])
        assert (code, who.strip()) == (0, b"185")
        wrong = client({**exports, "AWS_SECRET_ACCESS_KEY": "another-secret-key"}, attempts=1)
        with pytest.raises(ClientError):
            wrong.list_buckets()
        wrong.close()


def test_kafkas_image_has_the_locked_jars_and_no_root(images, containers):
    image = images()["kafka"].spec.exact
    script = "ls /opt/kafka/jars | wc -l; id -u; cat /usr/share/sbom/kafka.json"
    with containers.made(image, entrypoint=["sleep", "60"]) as container:
        code, printed = container.exec_run(["sh", "-c", script])
    jars, uid, listed = printed.decode().split("\n", 2)
    assert (code, int(jars), uid) == (0, len(read_kafka_lock()), "185")
    assert {each["name"] for each in json.loads(listed)} >= {"kafka_2.13", "kafka-clients"}


def test_the_testkits_image_runs_its_servers(images, containers):
    image = images()["testkit"].spec.exact
    code, printed = containers.run(image)
    assert (code, "--config" in printed) == (0, True), printed
    script = "import spark_testkit, spark_platform, os; print(os.getuid())"
    assert containers.run(image, "-c", script) == (0, "185\n")
