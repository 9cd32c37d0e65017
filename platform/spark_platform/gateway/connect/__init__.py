"""Spark Connect through the Gateway: whose session is on which driver, and the way there."""
