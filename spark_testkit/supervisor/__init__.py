"""One supervisor per stack: starts its services, watches them, and ends with its last lease."""
