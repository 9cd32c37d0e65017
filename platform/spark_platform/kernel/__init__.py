"""What every layer shares: errors, waiting, processes, files. Imports nothing of the project."""
