"""Clicks from Kafka to an Iceberg table, each once."""
