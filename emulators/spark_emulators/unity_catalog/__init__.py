"""Unity Catalog's Iceberg REST catalog: real tables, read and written by real clients.

Started as ``python -m spark_emulators.unity_catalog --config FILE``, or in process through
``spark_emulators.unity_catalog.app.create_app``. The domain (everything outside ``app``,
``server`` and ``wire``) knows no HTTP. Table metadata is modelled and changed by pyiceberg; what
pyiceberg does differently from the Java reference implementation is settled in ``builder``.

It refuses rather than guesses: Iceberg views, table format 3 and metadata fields it could not keep.
"""
