"""``python -m spark_platform.runner --config FILE``: run a Runner."""

from spark_platform.runner.server import main

if __name__ == "__main__":
    raise SystemExit(main())
