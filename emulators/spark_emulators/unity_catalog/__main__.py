"""``python -m spark_emulators.unity_catalog``."""

from spark_emulators.unity_catalog.server import main

if __name__ == "__main__":
    raise SystemExit(main())
