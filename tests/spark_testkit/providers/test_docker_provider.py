"""The docker provider: what it copies in, what it refuses, and that nothing of it stays."""

import asyncio
import dataclasses
import hashlib
import io
import json
import os
import shlex
import signal
import tarfile
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stacks import cli

from spark_platform.kernel.errors import Conflict, InvalidInput, Missing, Terminal
from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.providers.docker import DockerProvider, archive
from spark_testkit.providers.provider import log_tail
from spark_testkit.service import ServiceRequest, ServiceSpec
from spark_testkit.services import service
from spark_testkit.settings import Settings
from spark_testkit.stack import Stack

PARTS = st.text("abc.-_", min_size=1, max_size=5).filter(lambda part: part.strip("."))
PATHS = st.lists(PARTS, min_size=1, max_size=4).map(lambda parts: Path("/", *parts))


@given(st.dictionaries(PATHS, st.text(), max_size=5))
def test_files_come_after_their_folders_and_are_the_users_alone(files):
    # a path that is another's folder is no file
    files = {
        path: text for path, text in files.items() if not any(path in o.parents for o in files)
    }
    with tarfile.open(fileobj=io.BytesIO(archive(files, [PurePosixPath("/stack/tmp")]))) as tar:
        members = tar.getmembers()
        seen = {"."}
        for member in members:
            assert str(PurePosixPath(member.name).parent) in seen
            seen.add(member.name)
            assert (member.uid, member.gid, member.mode & 0o077) == (185, 0, 0)
        for path, text in files.items():
            assert tar.extractfile(str(path).lstrip("/")).read().decode() == text
    assert len(seen) == len(members) + 1, "each folder is made once"


ASK = "import urllib.request; urllib.request.urlopen('http://s3:9000')"


class Quiet:
    def check(self):
        pass


@pytest.fixture
def stack_name():
    return f"spark-testkit-tests-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def provided(stack_name, held_by, tmp_path):
    """Runs a coroutine with a provider of a stack of its own; nothing stays."""

    def run(work, **limits):
        async def body():
            provider = DockerProvider(stack_name, Settings(tmp_path, tmp_path, **limits))
            try:
                return await work(provider)
            finally:
                await provider.close()

        try:
            return asyncio.run(body())
        finally:
            assert held_by(stack_name) == set()

    return run


def spec(image, *argv, **fields):
    return ServiceSpec("it", argv, "", Quiet(), image=image, **fields)


def test_an_image_that_is_not_there_is_said_to_be_missing(provided, tmp_path):
    with pytest.raises(Missing, match="no image no-such-image:1") as caught:
        provided(lambda provider: provider.start(spec("no-such-image:1"), tmp_path / "it"))
    assert "spark-testkit images build" in caught.value.hint


def test_a_name_that_is_taken_is_a_conflict(provided, platform, containers, stack_name, tmp_path):
    async def work(provider):
        with containers.made(platform, "sleep", "60", name=f"{stack_name}-it"):
            await provider.start(spec(platform, "true"), tmp_path / "it")

    with pytest.raises(Conflict, match=f"{stack_name}-it is taken"):
        provided(work)


def test_a_heap_that_does_not_fit_is_refused(provided, platform, tmp_path):
    with pytest.raises(InvalidInput, match="1024 MiB, and 512 MiB beside it, do not fit") as caught:
        provided(
            lambda provider: provider.start(spec(platform, heap_mib=1024), tmp_path / "it"),
            container_memory_mib=1500,
        )
    assert "SPARK_TESTKIT_CONTAINER_MEMORY_MIB" in caught.value.hint


def test_limits_are_the_containers(provided, platform, containers, stack_name, tmp_path):
    async def work(provider):
        await provider.start(spec(platform, "sleep", "60"), tmp_path / "it")
        return containers.client.containers.get(f"{stack_name}-it").attrs["HostConfig"]

    limits = provided(work, container_memory_mib=64, container_cpus=0.5)
    assert limits["Memory"] == limits["MemorySwap"] == 64 * 1024**2
    assert limits["NanoCpus"] == 500_000_000


@pytest.mark.parametrize(
    ("script", "returncode"), [("echo bye; exit 3", 3), ("echo bye; kill -9 $$", -9)]
)
def test_an_end_is_told_with_its_code_and_last_words(
    provided, platform, tmp_path, script, returncode
):
    async def work(provider):
        instance = await provider.start(spec(platform, "bash", "-c", script), tmp_path / "it")
        return await asyncio.wait_for(instance.exited(), 60)

    assert provided(work) == returncode
    assert log_tail(tmp_path / "it") == "bye"


def test_what_has_ended_is_not_alive(provided, platform, tmp_path):
    async def work(provider):
        instance = await provider.start(spec(platform, "sleep", "60"), tmp_path / "it")
        before = instance.alive()
        await instance.stop()
        return before, instance.alive()

    assert provided(work) == (True, False)


def test_services_that_run_leave_threads_for_their_end(provided, platform, tmp_path):
    async def work(provider):
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        instances = []
        for name in ("one", "two", "three"):
            sleeper = dataclasses.replace(spec(platform, "sleep", "60"), name=name)
            instances.append(await provider.start(sleeper, tmp_path / name))
        ends = [asyncio.create_task(each.exited()) for each in instances]
        for each in instances:
            await asyncio.wait_for(each.stop(), 60)
        return await asyncio.wait_for(asyncio.gather(*ends), 60)

    assert provided(work) == [-9] * 3


def test_a_start_that_is_called_off_leaves_no_container(provided, platform, tmp_path):
    async def work(provider):
        start = asyncio.create_task(provider.start(spec(platform, "sleep", "60"), tmp_path / "it"))
        await asyncio.sleep(0)
        start.cancel()
        with pytest.raises(asyncio.CancelledError):
            await start

    provided(work)


def test_the_reaper_imports_nothing_of_the_users_folder(provided, platform, tmp_path, monkeypatch):
    (tmp_path / "docker.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    provided(lambda provider: provider.start(spec(platform, "sleep", "60"), tmp_path / "it"))


def test_services_find_each_other_by_name(provided, platform, tmp_path):
    async def work(provider):
        location = provider.locate(ServiceRequest.of("s3"), service("s3"), tmp_path)
        assert location.place.host == "s3"
        server = dataclasses.replace(
            spec(platform, "python3", "-m", "http.server", "9000"), name="s3"
        )
        await provider.start(server, tmp_path / "s3")
        script = f"until python3 -c {shlex.quote(ASK)} 2>/dev/null; do sleep 0.1; done"
        client = await provider.start(spec(platform, "bash", "-c", script), tmp_path / "it")
        return await asyncio.wait_for(client.exited(), 60)

    assert provided(work) == 0


@pytest.fixture
def owner(settings):
    """What the names and labels of this test's containers begin with."""
    return f"spark-testkit-{hashlib.sha256(os.fsencode(settings.state_dir)).hexdigest()[:8]}"


@pytest.fixture
def stack(settings, docker_stack_images, owner, held_by):
    yield Stack("in-docker", settings=settings, provider="docker")
    Stack("in-docker", settings=settings).down()
    assert held_by(owner) == set()


def test_a_whole_stack_and_its_end(stack, owner, held_by, settings):
    stack.up()
    assert {each.provider for each in stack.status()} == {"docker"}
    assert {each.state for each in stack.status()} == {"running"}
    shown = json.loads(cli("status", "--name", "in-docker", "-o", "json", settings=settings).stdout)
    assert shown["provider"] == "docker"
    assert f"{owner}-in-docker-spark-connect" in held_by(owner)
    with pytest.raises(Conflict, match="runs with provider docker, not process"):
        Stack("in-docker", settings=settings).up("s3")
    assert "SparkConnectServer" in stack.log_file("spark-connect").read_text()


def test_a_service_that_ends_while_it_starts_is_told_at_once(stack):
    request = ServiceRequest("spark-connect", "spark-connect", {"conf": {"spark.master": "x"}})
    with pytest.raises(Terminal, match="exited with 1") as caught:
        stack.up(request)
    assert "Could not parse Master URL" in caught.value.message


def test_what_is_stopped_loses_its_data(stack):
    from spark_testkit.services import s3

    client = s3.client(stack.up("s3")["s3"])
    client.put_object(Bucket="unity", Key="gone", Body=b"")
    client.close()
    stack.stop("s3")
    client = s3.client(stack.up("s3")["s3"])
    keys = [each["Key"] for each in client.list_objects_v2(Bucket="unity")["Contents"]]
    client.close()
    assert "gone" not in keys


def test_data_survives_the_death_of_its_service(stack, owner, containers):
    from spark_testkit.services import s3

    exports = stack.up("s3")["s3"]
    client = s3.client(exports)
    client.put_object(Bucket="unity", Key="kept", Body=b"still here")
    containers.client.containers.get(f"{owner}-in-docker-s3").kill()

    def failed():
        (status,) = stack.status()
        if status.state != "failed":
            raise NotYet(status.state)

    poll(failed, what="the failure to show", timeout_s=20)
    assert stack.up("s3")["s3"] == exports
    assert client.get_object(Bucket="unity", Key="kept")["Body"].read() == b"still here"
    client.close()


def test_a_killed_supervisor_takes_its_containers_along(stack, owner, held_by):
    stack.up("s3")
    assert held_by(owner)
    os.kill(stack._folder.processes()["supervisor"].pid, signal.SIGKILL)

    def gone():
        if left := held_by(owner):
            raise NotYet(str(left))

    poll(gone, what="the containers to follow", timeout_s=10)
