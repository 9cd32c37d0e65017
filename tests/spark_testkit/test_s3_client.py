"""The S3 client of readiness and fixtures: when it calls a server ready, and whose keys it uses."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from spark_platform.kernel.wait import NotYet
from spark_testkit.services import s3

BUCKETS = (
    '<ListAllMyBucketsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Buckets>'
    "<Bucket><Name>{}</Name><CreationDate>2026-01-01T00:00:00.000Z</CreationDate></Bucket>"
    "</Buckets></ListAllMyBucketsResult>"
)


class FakeS3(BaseHTTPRequestHandler):
    """Lists one bucket, and takes what it is told to take."""

    bucket = "unity"
    refuses: tuple[str, ...] = ()
    asked: list[str]

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = f"{self.command} {self.path.partition('?')[0]}"
        self.asked.append(request)
        body = BUCKETS.format(self.bucket).encode() if request == "GET /" else b""
        self.send_response(503 if request in self.refuses else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_DELETE = answer

    def log_message(self, *_):
        pass


@pytest.fixture
def fake():
    return type("Fake", (FakeS3,), {"asked": []})


@pytest.fixture
def exports(fake):
    with ThreadingHTTPServer(("127.0.0.1", 0), fake) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield {
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{server.server_port}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
        }
        server.shutdown()
        serving.join()


MARK = "/unity/.spark-testkit"
PROBE = [f"GET {MARK}", f"PUT {MARK}"]


def test_every_probe_reads_and_writes_also_where_the_bucket_is_there(fake, exports):
    readiness = s3.S3Readiness(exports, "unity")
    for _ in range(2):
        readiness.check()
    assert fake.asked == ["GET /", *PROBE] * 2


def test_a_bucket_that_is_wanting_is_made(fake, exports):
    fake.bucket = "another"
    s3.S3Readiness(exports, "unity").check()
    assert fake.asked == ["GET /", "PUT /unity", *PROBE]


@pytest.mark.parametrize("refused", ["GET /", "PUT /unity", *PROBE])
def test_a_server_that_refuses_any_of_it_is_not_ready(fake, exports, refused):
    fake.bucket = "another"
    fake.refuses = (refused,)
    with pytest.raises(NotYet):
        s3.S3Readiness(exports, "unity").check()
    assert fake.asked[-1] == refused


def test_a_server_that_lists_but_does_not_store_is_not_ready(fake, exports):
    fake.refuses = (f"PUT {MARK}",)
    for _ in range(2):
        with pytest.raises(NotYet, match="503"):
            s3.S3Readiness(exports, "unity").check()


def test_the_users_own_aws_settings_do_not_matter(exports, monkeypatch, tmp_path):
    damaged = tmp_path / "config"
    damaged.write_text("no configuration at all")
    for name, value in {
        "AWS_PROFILE": "a-profile-that-is-not-there",
        "AWS_DEFAULT_PROFILE": "nor-is-this",
        "AWS_CONFIG_FILE": str(damaged),
        "AWS_SHARED_CREDENTIALS_FILE": str(damaged),
        "AWS_SESSION_TOKEN": "somebody's",
        "AWS_ACCESS_KEY_ID": "somebody's",
        "AWS_SECRET_ACCESS_KEY": "somebody's",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    client = s3.client(exports)
    sent = {}
    client.meta.events.register("before-send.s3", lambda request, **_: sent.update(request.headers))
    client.list_buckets()
    client.close()
    assert b"Credential=key/" in sent["Authorization"]
    assert b"/us-east-1/s3/" in sent["Authorization"]
    assert "X-Amz-Security-Token" not in sent
