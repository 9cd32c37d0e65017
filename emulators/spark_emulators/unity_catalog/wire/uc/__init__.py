"""Unity Catalog's REST API 2.1, as the open-source server and Databricks serve it."""
