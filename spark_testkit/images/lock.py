"""Maintainers' command: ``python -m spark_testkit.images.lock`` writes the locks of images' Python.

The toolkit's servers first, then what stands beside PySpark in each engine's image, in the same
versions wherever an engine allows them: the development flavour holds both.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from spark_platform.kernel import process
from spark_platform.kernel.errors import PlatformError
from spark_platform.kernel.files import write_atomically
from spark_testkit.engine.catalogue import engine_specs, image_ground
from spark_testkit.resources import resource

__all__ = ["main"]

# what the servers in images import; not the toolkit's installer, its tests' plugin or Spark itself
_NOT_IN_IMAGES = {
    *("confluent-kafka", "docker", "flask", "flask-cors", "moto", "pyspark", "pytest", "uv")
}


def _compiled(wanted: Sequence[str], preferred: Path, *arguments: str) -> str:
    """The lock of what is wanted, in the versions of another lock where those will do."""
    import uv

    with tempfile.TemporaryDirectory() as folder:
        file = write_atomically(
            Path(folder) / "wanted.txt", "".join(f"{each}\n" for each in wanted)
        )
        # uv prefers what stands in the file that it is to write
        output = write_atomically(Path(folder) / "lock.txt", preferred.read_bytes())
        process.run(
            [
                *(uv.find_uv_bin(), "pip", "compile", "--quiet", "--generate-hashes"),
                *("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"),
                *("--python-version", image_ground().python, "--python-platform", "linux"),
                *arguments,
                *("--output-file", str(output), str(file)),
            ]
        )
        return output.read_text("utf-8")


def main() -> int:
    """Write all locks."""
    locks = resource("images/locks")
    root = resource("pyproject.toml").parent
    project = (root / "pyproject.toml").read_text("utf-8")
    declared = re.search(r"^dependencies = \[\n(.*?)^\]", project, re.M | re.S)
    assert declared, "the project declares its dependencies"
    wanted = [
        each
        for each in re.findall(r'"([^"]+)"', declared[1])
        if re.split(r"[^A-Za-z0-9_-]", each)[0] not in _NOT_IN_IMAGES
    ]
    testkit = locks / "python-testkit.txt"
    try:
        text = _compiled([*wanted, "grpcio"], root / "requirements" / "dev.txt")
        write_atomically(testkit, text, mode=0o644)
        for spec in engine_specs().values():
            asked = [f"pyspark[connect]=={spec.pyspark}", *spec.image_python]
            text = _compiled(asked, testkit, "--no-emit-package", "pyspark")
            write_atomically(locks / f"python-{spec.version}.txt", text, mode=0o644)
    except PlatformError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
