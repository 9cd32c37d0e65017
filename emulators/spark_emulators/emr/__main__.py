"""``python -m spark_emulators.emr``."""

from spark_emulators.emr.server import main

if __name__ == "__main__":
    raise SystemExit(main())
