"""A build's context: the same files, the same bytes."""

import io
import os
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_platform.kernel.errors import InvalidInput
from spark_testkit.images.context import Entry, folder_entries, write_context

NAMES = st.text(alphabet="abcé. -_", min_size=1, max_size=8).filter(lambda n: n not in (".", ".."))
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
FILES = st.dictionaries(PATHS, st.tuples(st.binary(max_size=64), st.booleans()), max_size=8)


def tar(entries) -> bytes:
    output = io.BytesIO()
    write_context(entries, output)
    return output.getvalue()


def is_consistent(files) -> bool:
    return not any(other.startswith(f"{path}/") for path in files for other in files)


@given(FILES.filter(is_consistent), st.randoms())
def test_the_order_of_entries_does_not_matter_and_all_arrives(files, random):
    entries = [Entry(path, content, runs) for path, (content, runs) in files.items()]
    shuffled = random.sample(entries, len(entries))
    written = tar(entries)
    assert written == tar(shuffled)
    with tarfile.open(fileobj=io.BytesIO(written)) as archive:
        members = archive.getmembers()
        read = {
            each.name: (archive.extractfile(each).read(), each.mode == 0o755)
            for each in members
            if each.isfile()
        }
    assert read == files
    assert {(each.uid, each.gid, each.mtime) for each in members} <= {(0, 0, 315532800)}
    assert [each.name for each in members] == sorted(each.name for each in members)


def test_a_files_time_and_owner_and_group_bits_do_not_matter(tmp_path):
    file = tmp_path / "a"
    file.write_text("x")
    file.chmod(0o600)
    before = tar(folder_entries(tmp_path))
    file.chmod(0o664)
    os.utime(file, (1, 1))
    assert tar(folder_entries(tmp_path)) == before
    file.chmod(0o700)
    assert tar(folder_entries(tmp_path)) != before


def test_a_folder_is_read_without_what_python_compiled(tmp_path):
    for name in ("p/__pycache__/a.pyc", "p/a.py", "p/tests/t.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert [each.path for each in folder_entries(tmp_path, without=("tests",))] == ["p/a.py"]


def test_a_script_may_be_run_whatever_its_installer_made_of_it(tmp_path):
    (tmp_path / "a.sh").touch(0o644)
    (tmp_path / "b").touch(0o644)
    assert [each.executable for each in folder_entries(tmp_path)] == [True, False]


def test_empty_folders_are_kept():
    with tarfile.open(fileobj=io.BytesIO(tar([Entry("a/b", None)]))) as archive:
        assert [(each.name, each.isdir()) for each in archive] == [("a", True), ("a/b", True)]


@pytest.mark.parametrize("path", ["", "/a", "../a", "a/../b", "a//b", "./a", "a/"])
def test_a_path_that_leaves_the_context_is_refused(path):
    with pytest.raises(InvalidInput, match="cannot be called"):
        tar([Entry(path, b"")])


def test_two_files_of_one_name_are_refused():
    with pytest.raises(InvalidInput, match="'a'"):
        tar([Entry("a", b"1"), Entry("a", b"2")])
    with pytest.raises(InvalidInput, match="both a file and a folder"):
        tar([Entry("a", b"1"), Entry("a/b", b"2")])
