"""What a laptop lacks: vendor-shaped servers that the vendors' own clients use unmodified."""
