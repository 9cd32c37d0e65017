"""Access control: who somebody is, what they own and were granted, and what that allows."""
