"""The platform core: production code that runs on a cluster exactly as it runs on a laptop."""
