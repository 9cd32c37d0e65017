"""Programs in the place of Spark, where it does not matter what runs but how it ends."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

IMAGE = "spark-stand-in:latest"
BASE = "debian:bookworm-slim"

# by the name of the script it is told to run: local:///ok, local:///fail, local:///long
SCRIPT = """#!/bin/sh
[ "$1" = driver ] || exec "$@"
for last; do :; done
echo "stand-in runs $last"
case "$last" in
  *ok) exit 0 ;;
  *fail) echo "Exception: it was told to fail" >&2; exit 3 ;;
  *long) trap 'exit 143' TERM; while :; do sleep 0.1; done ;;
esac
exit 127
"""


def process_image(folder: Path) -> dict[str, Any]:
    """The stand-in as an image of pods that are processes."""
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "entrypoint.sh"
    script.write_text(SCRIPT)
    script.chmod(0o755)
    (folder / "spark").mkdir(exist_ok=True)
    return {
        "names": [IMAGE],
        "entrypoint": ["/opt/entrypoint.sh"],
        "working_dir": "/",
        "environment": {"PATH": "/usr/bin:/bin"},
        "folders": {"/opt/entrypoint.sh": str(script), "/opt/spark": str(folder / "spark")},
    }


def spark_home(folder: Path) -> Path:
    """The stand-in as a ``SPARK_HOME`` with nothing but ``bin/spark-submit``."""
    submit = folder / "bin" / "spark-submit"
    submit.parent.mkdir(parents=True)
    submit.write_text(SCRIPT.replace('[ "$1" = driver ] || exec "$@"\n', ""))
    submit.chmod(0o755)
    return folder


def docker_image(client: Any) -> str:
    """The stand-in as a Docker image; its base is there already."""
    dockerfile = (
        f"FROM {BASE}\nCOPY --chmod=0755 entrypoint.sh /opt/entrypoint.sh\n"
        'RUN mkdir -p /opt/spark\nENTRYPOINT ["/opt/entrypoint.sh"]\n'
    ).replace("--chmod=0755 ", "")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, text in (("Dockerfile", dockerfile), ("entrypoint.sh", SCRIPT)):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text), 0o755
            archive.addfile(entry, io.BytesIO(text.encode()))
    packed.seek(0)
    client.images.build(fileobj=packed, custom_context=True, tag=IMAGE, rm=True)
    return IMAGE
