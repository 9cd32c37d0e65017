"""Stock clients of Spark Connect, each in an environment of its own."""

import subprocess
import sys

import uv

from spark_testkit.engine import engine_spec

CLIENTS = {
    # what is newer that release of Spark does not know
    "pyspark 3.5": ("pyspark[connect]==3.5.*", "numpy<2", "pandas<3", "pyarrow<20", "setuptools"),
    "pyspark 4.1": (f"pyspark[connect]=={engine_spec().pyspark}", "pandas<3", "setuptools"),
    # the client alone is not published for each release of Spark
    "pyspark-client 4.1": ("pyspark-client>=4.1,<4.2", "pandas<3", "setuptools"),
}
"""What to install of each."""

SHOW_CATALOGS = (
    "from pyspark.sql import SparkSession; "
    "spark = SparkSession.builder.getOrCreate(); "
    "spark.sql('show catalogs').show(); "
    "print('rows', spark.range(5).count()); "
    "spark.sql('show schemas in unity').collect(); spark.stop()"
)


def python_with(folder, *packages):
    """The Python of a new environment that has these packages."""
    python = folder / "bin" / "python"
    tool = uv.find_uv_bin()
    subprocess.run([tool, "venv", "-q", "-p", sys.executable, folder, "--clear"], check=True)
    install = [tool, "pip", "install", "--quiet", "--python", str(python), *packages]
    subprocess.run(install, check=True, timeout=600)
    return python
