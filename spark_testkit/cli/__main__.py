"""``python -m spark_testkit.cli``: the same as `spark-testkit`."""

from spark_testkit.cli.main import main

main()
