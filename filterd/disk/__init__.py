"""Durable files, journals, key files and locks: what the state directory asks of the disk."""
