"""Which images there are, under which names, and what a change of one changes."""

import dataclasses
import re

import pytest

from spark_platform.kernel.errors import InvalidInput
from spark_testkit.engine import engine_spec, engine_specs
from spark_testkit.engine.catalogue import image_ground
from spark_testkit.images import packages, plan
from spark_testkit.images.model import ImageSpec, Part
from spark_testkit.images.plan import LAYERS, Surroundings, plan_images
from spark_testkit.images.pruning import outdated
from spark_testkit.resources import resource

HERE = Surroundings("base-1", {"minio": "v0.0.0-2026", "gcs": "v1.0.0"}, {}, "sources-1")


def planned(cache_dir, version="4.1", surroundings=HERE, layers=()):
    images = plan_images(
        engine_spec(version), image_ground(), surroundings, cache_dir=cache_dir, layers=layers
    )
    return {image.layer: image for image in images}


def changed(before, after):
    return {layer for layer in before if before[layer].exact != after[layer].exact}


def test_moving_tags_are_those_of_the_engines(tmp_path):
    for version, spec in engine_specs().items():
        images = planned(tmp_path, version)
        assert tuple(images) == LAYERS
        assert images["spark-platform"].moving == spec.image == f"spark-platform:{version}-latest"
        assert images["spark-platform-dev"].moving == f"spark-platform:{version}-dev"
        assert images["spark-runtime"].moving == f"spark-runtime:{version}-latest"


def test_exact_tags_name_the_exact_version_and_the_content(tmp_path):
    image = planned(tmp_path)["spark-platform"]
    pyspark = re.escape(engine_spec("4.1").pyspark)
    assert re.fullmatch(rf"spark-platform:{pyspark}-[0-9a-f]{{12}}", image.exact)
    assert planned(tmp_path)["spark-platform"].exact == image.exact
    assert image.labels["org.opencontainers.image.version"] == engine_spec("4.1").pyspark
    assert image.labels["org.opencontainers.image.base.name"] == "spark-connectors:4.1-latest"


def test_no_two_images_share_a_name(tmp_path):
    for which in ("exact", "moving"):
        names = {
            getattr(image, which): image.layer if image.engine is None else (version, image.layer)
            for version in engine_specs()
            for image in planned(tmp_path, version).values()
        }
        of_engines = sum(image.engine is not None for image in planned(tmp_path).values())
        shared = len(LAYERS) - of_engines
        assert len(names) == len(engine_specs()) * of_engines + shared


def test_each_stands_on_the_exact_image_below(tmp_path):
    images = planned(tmp_path)
    assert images["spark-runtime"].parent == images["spark-base"].exact
    assert images["spark-platform-dev"].parent == images["spark-platform"].exact
    assert images["minio"].parent == images["spark-base"].parent == image_ground().base


def test_layers_bring_what_they_stand_on(tmp_path):
    assert list(planned(tmp_path, layers=["spark-connectors"])) == [
        "spark-base",
        "spark-runtime",
        "spark-connectors",
    ]
    assert list(planned(tmp_path, layers=["testkit"])) == ["testkit"]


def test_an_unknown_layer_is_refused_with_those_there_are(tmp_path):
    with pytest.raises(InvalidInput, match="'kafak'") as refused:
        planned(tmp_path, layers=["kafak"])
    assert "spark-platform" in refused.value.hint


def test_without_a_minio_program_there_is_no_image_of_it(tmp_path):
    without = dataclasses.replace(HERE, programs={"gcs": "v1.0.0"})
    assert "minio" not in planned(tmp_path, surroundings=without)


def test_a_change_reaches_the_layer_it_is_in_and_those_above(tmp_path, monkeypatch):
    before = planned(tmp_path)
    other_base = dataclasses.replace(HERE, base_identity="base-2")
    assert changed(before, planned(tmp_path, surroundings=other_base)) == set(LAYERS)
    other_minio = dataclasses.replace(HERE, programs={**HERE.programs, "minio": "v2"})
    assert changed(before, planned(tmp_path, surroundings=other_minio)) == {"minio"}
    other_ca = dataclasses.replace(HERE, certificates={"a.crt": b"x"})
    assert changed(before, planned(tmp_path, surroundings=other_ca)) == set(LAYERS) - {
        "minio",
        "gcs",
        "testkit",
    }
    other_sources = dataclasses.replace(HERE, sources="sources-2")
    assert changed(before, planned(tmp_path, surroundings=other_sources)) == {
        "testkit",
        "spark-platform-dev",
    }
    folders = {layer: plan.folder_identity(resource(f"images/{layer}")) for layer in LAYERS}
    folders["spark-platform"] = "an application's change"
    monkeypatch.setattr(plan, "folder_identity", lambda folder: folders[folder.name])
    assert changed(before, planned(tmp_path)) == {"spark-platform", "spark-platform-dev"}


def test_what_an_image_is_made_of_decides_its_digest():
    image = ImageSpec("l", "r", "1", "m", None, "p", (Part("t", "s", "i"), Part("u", "s", "i")))
    same = dataclasses.replace(image, parts=image.parts[::-1], moving_tag="other")
    assert same.digest == image.digest
    for change in (
        {"parent": "q"},
        {"parts": (Part("t", "s", "j"), Part("u", "s", "i"))},
        {"parts": image.parts[:1]},
        {"build_args": {"A": "1"}},
        {"labels": {"a": "1"}},
        {"ground": "g"},
    ):
        assert dataclasses.replace(image, **change).digest != image.digest


def test_connects_own_jars_are_of_the_runtime(tmp_path):
    connect = planned(tmp_path, "3.5")["spark-runtime"].parts
    without = planned(tmp_path, "4.1")["spark-runtime"].parts
    by_source = [{part.source: part.identity for part in parts} for parts in (connect, without)]
    assert by_source[0]["guard"]
    assert not by_source[1]["guard"]
    assert by_source[0]["connect"] != by_source[1]["connect"]


def test_locks_of_python_packages_are_whole():
    locks = [packages.testkit_lock(), *map(packages.engine_lock, engine_specs().values())]
    for lock in locks:
        assert lock
        assert all("--hash=sha256:" in text for text in lock.values())
    for lock in locks[1:]:
        names = {packages.version_of(pin)[0] for pin in lock}
        assert {"grpcio", "pandas", "py4j", "pyarrow"} <= names
        assert "pyspark" not in names


def test_what_is_present_in_the_same_version_is_not_brought_again():
    lock = packages.parse_requirements(
        "a==1 \\\n    --hash=sha256:0\nb==2 \\\n    --hash=sha256:1\n"
    )
    assert list(lock) == ["a==1", "b==2"]
    assert list(packages.beside(lock, {"a==1": "", "b==3": ""})) == ["b==2"]


def test_outdated_are_exact_tags_of_our_repositories_that_are_none_of_todays(tmp_path):
    images = planned(tmp_path).values()
    names = [name for each in images for name in (each.exact, each.moving)]
    older = ["spark-base:java11-0123456789ab", "testkit:bookworm-ba9876543210"]
    others = ["postgres:16-0123456789ab", "testkit:mine", "testkit:mine-0123"]
    assert outdated([*names, *reversed(older), *others], images) == older
