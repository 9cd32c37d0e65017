"""Custom resources: definitions become resources, structural schemas become rules."""
