"""The Iceberg REST protocol: requests into domain calls, results and errors into answers."""
