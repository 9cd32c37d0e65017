"""What the toolkit saves, measured against the stock way in the same run: ``make bench``."""
