"""``python -m spark_emulators.token_issuer --config FILE``: serve tokens."""

from spark_emulators.token_issuer.server import main

if __name__ == "__main__":
    raise SystemExit(main())
