"""The process: starting, stopping, and what it keeps to itself."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from spark_emulators.unity_catalog.paths import MOUNTS
from spark_emulators.unity_catalog.settings import Settings
from spark_platform.kernel.errors import InvalidInput

SECRET = "swordfish-0123456789"


def run(config_file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "spark_emulators.unity_catalog", "--config", str(config_file)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_with_a_connection_open(
    start_server: Callable[[], Any], number: signal.Signals
) -> None:
    server = start_server()
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc)
    connection.request("GET", "/healthz")
    assert connection.getresponse().read() == b'{"status":"ok"}'
    assert server.stop(number) == 0
    connection.close()
    assert "Traceback" not in "".join(server.log)


def test_an_offer_of_http_2_is_no_news(start_server: Callable[[], Any]) -> None:
    server = start_server()
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc)
    # as Java's client does with every request
    offer = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAEA"}
    connection.request("GET", "/healthz", headers=offer)
    assert connection.getresponse().read() == b'{"status":"ok"}'
    connection.close()
    assert server.stop() == 0
    assert "serving" in "".join(server.log)
    assert "pgrade" not in "".join(server.log)
    assert "WebSocket" not in "".join(server.log)


def test_the_tag_is_spelled_the_way_java_looks_for_it(start_server: Callable[[], Any]) -> None:
    server = start_server()
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc)
    prefix = f"{MOUNTS[1]}/v1/catalogs/unity/namespaces"
    schema = {"type": "struct", "fields": []}
    for path, body in (
        (prefix, {"namespace": ["s"]}),
        (f"{prefix}/s/tables", {"name": "t", "schema": schema}),
    ):
        connection.request("POST", path, body=json.dumps(body))
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
    assert "ETag" in answer.headers.keys()  # noqa: SIM118  (membership ignores case)
    connection.close()


def test_a_restarted_server_has_everything(start_server: Callable[[], Any]) -> None:
    server = start_server()
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc)
    path = f"{MOUNTS[0]}/v1/catalogs/unity/namespaces"
    connection.request("POST", path, body=json.dumps({"namespace": ["s"]}))
    assert connection.getresponse().status == 200
    connection.close()
    server.stop()
    again = http.client.HTTPConnection(urlsplit(start_server().url).netloc)
    again.request("HEAD", f"{path}/s")
    assert again.getresponse().status == 204
    again.close()


def test_a_port_in_use_is_explained(
    start_server: Callable[[], Any], config: dict[str, Any], tmp_path: Path
) -> None:
    port = urlsplit(start_server().url).port
    second = tmp_path / "second.json"
    second.write_text(json.dumps({**config, "port": port}))
    done = run(second)
    assert done.returncode == 3
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"colour": "red"}, "colour"),
        ({"port": "many"}, "port"),
        ({"catalogs": []}, "catalogs"),
        ({"catalogs": [{"name": "a b", "storage_root": "s3://x"}]}, "catalogs.0.name"),
        ({"catalogs": [{"name": "a", "storage_root": "s3://x"}] * 2}, "catalogs"),
        ({"catalogs": [{"name": "a", "storage_root": "warehouse"}]}, "catalogs.0.storage_root"),
        ({"catalogs": [{"name": "system", "storage_root": "s3://x"}]}, "catalogs.0.name"),
        ({"storage_root": "../up"}, "storage_root"),
        ({"file_io": {"s3.secret-access-key": [SECRET]}}, "file_io"),
    ],
)
def test_a_wrong_setting_is_named_and_not_quoted(
    config: dict[str, Any], tmp_path: Path, change: dict[str, Any], named: str
) -> None:
    config_file = tmp_path / "uc.json"
    config_file.write_text(json.dumps({**config, **change}))
    with pytest.raises(InvalidInput, match=named) as caught:
        Settings.from_file(config_file)
    assert SECRET not in str(caught.value)


def test_a_missing_settings_file_is_named(tmp_path: Path) -> None:
    done = run(tmp_path / "none.json")
    assert done.returncode == 2
    assert "none.json" in done.stderr


def test_the_servers_own_keys_stay_its_own(
    start_server: Callable[[], Any], config: dict[str, Any], tmp_path: Path
) -> None:
    # Nothing listens there, so every access fails and is reported.
    config["catalogs"] = [{"name": "unity", "storage_root": "s3://bucket"}]
    config["file_io"] = {
        "s3.endpoint": "http://127.0.0.1:9",
        "s3.access-key-id": SECRET,
        "s3.secret-access-key": SECRET[::-1],
        "s3.region": "us-east-1",
        "s3.connect-timeout": "1",
    }
    (tmp_path / "uc.json").write_text(json.dumps(config))
    server = start_server()
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc)
    prefix = f"{MOUNTS[0]}/v1/catalogs/unity/namespaces"
    answers: list[bytes] = []
    for path, body in (
        (f"{MOUNTS[0]}/v1/config?warehouse=unity", None),
        (prefix, {"namespace": ["s"]}),
        (f"{prefix}/s/register", {"name": "t", "metadata-location": "s3://bucket/x.json"}),
    ):
        connection.request("POST" if body else "GET", path, body=json.dumps(body))
        answer = connection.getresponse()
        answers.append(answer.read())
    assert answer.status == 503
    connection.close()
    server.stop()
    told = b"".join(answers).decode() + "".join(server.log)
    assert SECRET not in told
    assert SECRET[::-1] not in told
