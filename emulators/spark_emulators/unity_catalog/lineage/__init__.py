"""Lineage: OpenLineage events in; which table and column came from which, out.

``events`` is what is read of an event, ``edges`` what follows from it (pure), ``store`` what is
remembered, ``service`` the one object that doors call. ``external`` is what people declare about
systems outside the catalog, and ``system_tables`` the history as tables of the catalog.
"""
