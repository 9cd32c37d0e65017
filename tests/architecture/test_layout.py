"""The repository's shape, where no other tool guards it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
SOURCE_ROOTS = ("platform", "emulators", "fixtures")


def tracked(*patterns):
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


@pytest.mark.parametrize("root", SOURCE_ROOTS)
def test_a_source_root_holds_packages_only(root):
    # a module called `platform` would shadow the standard library's
    assert [path.name for path in (ROOT / root).iterdir() if path.is_file()] == []


def test_tests_are_no_packages():
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_the_standard_librarys_platform_is_still_itself():
    import platform

    assert platform.python_version()


def test_test_modules_have_names_of_their_own():
    names = [path.name for path in tracked("tests/**/test_*.py")]
    assert sorted(names) == sorted(set(names))


def test_files_fit_a_readers_head():
    long = {
        str(path.relative_to(ROOT)): lines
        for path in tracked("*.py")
        if (lines := path.read_text().count("\n")) > 400
    }
    assert long == {}


def test_no_file_names_a_registry_or_a_folder_of_somebodys_machine():
    registry = (
        r"p[y]pi\.org|p[y]thonhosted|r[e]po1?\.maven|p[r]oxy\.golang|r[e]gistry\.npm|d[e]b\.debian"
    )
    pattern = re.compile(rf"{registry}|/[h]ome/[a-z]|/[r]oot/|/[w]ork/")
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in tracked()
        if path.suffix not in (".lock", ".png")
        for match in pattern.finditer(path.read_text(errors="replace"))
    ]
    assert found == []


def test_every_dependency_has_its_line():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = [
        *project["project"]["dependencies"],
        *(each for extra in project["project"]["optional-dependencies"].values() for each in extra),
        *project["dependency-groups"]["dev"],
    ]
    names = {re.match(r"[A-Za-z0-9-]+", each)[0] for each in declared}
    explained = (ROOT / "docs" / "dependencies.md").read_text()
    assert {name for name in names if f"`{name}`" not in explained} == set()


def test_links_between_documents_lead_somewhere():
    broken = [
        f"{page.relative_to(ROOT)} → {target}"
        for page in tracked("*.md")
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []
