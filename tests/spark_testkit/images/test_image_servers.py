"""The images that hold no Spark."""

import secrets

import pytest
from botocore.exceptions import ClientError
from containers import published

from requirements import need
from spark_platform.kernel import wait
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


def test_the_testkits_image_runs_its_servers(images, containers):
    image = images()["testkit"].spec.exact
    code, printed = containers.run(image)
    assert (code, "--config" in printed) == (0, True), printed
    script = "import spark_testkit, spark_platform, os; print(os.getuid())"
    assert containers.run(image, "-c", script) == (0, "185\n")
