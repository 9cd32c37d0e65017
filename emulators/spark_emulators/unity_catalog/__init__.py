"""Unity Catalog: real tables, read and written by real clients.

Started as ``python -m spark_emulators.unity_catalog --config FILE``, or in process through
``spark_emulators.unity_catalog.app.create_app``. All that has a name is a ``Securable`` in one
``store``; the doors in ``wire`` speak one API each and the domain behind them knows no HTTP. Table
metadata is modelled and changed by pyiceberg; what pyiceberg does differently from the Java
reference implementation is settled in ``iceberg.builder``.

It refuses rather than guesses: table format 3 and metadata fields it could not keep.
"""
