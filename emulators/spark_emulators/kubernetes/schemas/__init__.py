"""The built-in kinds: their discovery entries and schemas, as data generated from Kubernetes."""
