"""What every layer shares: errors, waiting, processes and files. Imports nothing else of the project."""
