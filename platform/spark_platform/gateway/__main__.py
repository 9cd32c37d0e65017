"""``python -m spark_platform.gateway --config FILE``: run a Gateway."""

from spark_platform.gateway.server import main

if __name__ == "__main__":
    raise SystemExit(main())
