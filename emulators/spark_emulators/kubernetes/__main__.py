"""``python -m spark_emulators.kubernetes``."""

from spark_emulators.kubernetes.server import main

if __name__ == "__main__":
    raise SystemExit(main())
