import os
import stat

import pytest

from spark_platform.kernel import files
from spark_platform.kernel.files import private_folder, write_atomically


def test_a_written_file_is_its_owners_alone(tmp_path):
    path = write_atomically(tmp_path / "deep" / "secret", "s3cret")
    assert path.read_text() == "s3cret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = write_atomically(tmp_path / "file", "old")

    def no_space(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", no_space)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_private_folder_is_closed_to_others_also_when_it_was_open(tmp_path):
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    assert stat.S_IMODE(private_folder(folder).stat().st_mode) == 0o700
