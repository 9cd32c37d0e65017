"""The `spark-testkit` command: one module per group of commands, each parse → call → print."""
