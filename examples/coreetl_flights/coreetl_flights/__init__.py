"""New York's flights of 2013, joined with planes and weather, as Iceberg tables."""
