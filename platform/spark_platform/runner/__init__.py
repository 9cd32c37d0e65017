"""Spark Runner: takes jobs, has backends run them, and knows what became of each."""
